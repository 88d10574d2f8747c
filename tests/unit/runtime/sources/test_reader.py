"""The thread that reads a connection, and the watch over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.images.decode import DecodedImage
from edgefit.runtime.sources.connection import Connection, Shot, StreamLost
from edgefit.runtime.sources.reader import Reader

BLACK = DecodedImage(np.zeros((2, 2, 3), np.uint8))


class Scripted(Connection):
    """Gives what the script says; a number is a wait that nothing interrupts."""

    def __init__(self, *script: object, pause_s: float = 0.0) -> None:
        self._script = iter(script)
        self.pause_s = pause_s
        self.closed = threading.Event()
        self.interrupted = False

    def read(self) -> Shot | None:
        step = next(self._script, StreamLost("it is over"))
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, float):
            time.sleep(step)
        return Shot(lambda: BLACK) if step == "frame" else None

    def interrupt(self) -> None:
        self.interrupted = True

    def close(self) -> None:
        self.closed.set()


def _reader(connection: Connection, open_s: float = 1.0, read_s: float = 1.0) -> Reader:
    return Reader(lambda: connection, "a source", open_s, read_s)


def test_frames_come_in_order_with_their_arrival_and_then_the_reason() -> None:
    connection = Scripted("frame", "nothing", "frame", "frame", "frame")
    reader = _reader(connection)
    time.sleep(0.05)
    arrivals = [reader.next() for _ in range(4)]
    with pytest.raises(StreamLost, match="it is over"):
        reader.next()
    moments = [a.monotonic_s for a in arrivals if a is not None]
    assert moments == sorted(moments) and len(moments) == 4
    assert arrivals[0] is not None and abs(arrivals[0].at - time.time()) < 1
    assert connection.closed.wait(1)


def test_a_connection_that_opens_or_reads_forever_is_left_behind() -> None:
    held = threading.Event()

    def never() -> Connection:
        held.wait(5)
        raise StreamLost("too late")

    began = time.monotonic()
    slow_open = Reader(never, "a source", 0.2, 0.1)
    with pytest.raises(StreamLost, match=r"does not open within 0\.3 s"):
        slow_open.next()
    hanging = _reader(Scripted("frame", 1.0), read_s=0.2)
    assert hanging.next() is not None
    with pytest.raises(StreamLost, match=r"no frame for 0\.2 s"):
        hanging.next()
    assert time.monotonic() - began < 0.9
    assert slow_open.alive and hanging.alive
    hanging.abandon()
    held.set()


def test_what_is_there_but_has_nothing_new_is_not_lost() -> None:
    reader = _reader(Scripted(*[0.1] * 5, "frame"), read_s=0.25)
    assert reader.next() is not None


def test_a_poll_may_pause() -> None:
    reader = _reader(Scripted("frame", 0.4, "frame", pause_s=0.5), read_s=0.1)
    assert reader.next() and reader.next()


def test_time_that_nobody_waits_is_no_silence() -> None:
    reader = _reader(Scripted(*["frame"] * 3, 0.1, "frame"), read_s=0.2)
    for _ in range(4):
        assert reader.next() is not None
        time.sleep(0.22)  # whoever takes the frames is slow, the source is not


def test_abandon_wakes_whoever_waits_and_closes_the_connection() -> None:
    connection = Scripted(*[0.05] * 100)
    reader = _reader(connection, read_s=9)
    threading.Timer(0.1, reader.abandon).start()
    began = time.monotonic()
    assert reader.next() is None
    assert time.monotonic() - began < 0.5 and connection.interrupted
    assert connection.closed.wait(1), "the thread ends by itself"


def test_a_reader_whose_frames_nobody_takes_ends_too() -> None:
    connection = Scripted(*["frame"] * 10)
    reader = _reader(connection)
    time.sleep(0.05)
    assert not connection.closed.is_set(), "it waits for room"
    reader.abandon()
    assert connection.closed.wait(1)


@pytest.mark.parametrize("error", [InputError("refused"), ZeroDivisionError("a bug")])
def test_refusals_and_bugs_are_raised_where_frames_are_taken(error: Exception) -> None:
    def fail() -> Connection:
        raise error

    reader = Reader(fail, "a source", 1, 1)
    with pytest.raises(type(error)):
        reader.next()


def test_the_connection_is_closed_when_reading_fails() -> None:
    connection = Scripted(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        _reader(connection).next()
    assert connection.closed.is_set()


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    yield
    until = time.monotonic() + 3
    while time.monotonic() < until and any("a source" in t.name for t in threading.enumerate()):
        time.sleep(0.01)
    assert not any("a source" in t.name for t in threading.enumerate())
