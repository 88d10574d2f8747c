"""A source that is lost and comes back, without any network."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from edgefit.errors import FrameError, InputError, SourceLostError
from edgefit.runtime.images.decode import DecodedImage
from edgefit.runtime.images.header import Note, NoteKind
from edgefit.runtime.sources import SourceFrame, SourceOptions, reconnecting
from edgefit.runtime.sources.connection import Connection, Shot, StreamLost
from edgefit.runtime.sources.reconnecting import ReconnectingSource, waits
from tests.unit.runtime.sources.test_reader import BLACK


class Giving(Connection):
    """Gives so many frames, then ends or hangs."""

    def __init__(self, frames: int, hang: threading.Event | None = None) -> None:
        self._left, self._hang, self._time_s = frames, hang, 7.0

    def read(self) -> Shot:
        if self._left == 0:
            if self._hang is not None:
                self._hang.wait(10)
            raise StreamLost("the cable was pulled")
        self._left -= 1
        self._time_s += 0.5
        return Shot(self._decode, self._time_s)

    def _decode(self) -> DecodedImage:
        return BLACK

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnecting, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(reconnecting, "_JOIN_S", 0.01)


def _source(
    *steps: Callable[[], Connection], give_up_s: float = 5.0, read_s: float = 0.3
) -> tuple[ReconnectingSource, list[str]]:
    told: list[str] = []
    turn = itertools.count()

    def connect() -> Connection:
        return steps[min(next(turn), len(steps) - 1)]()

    options = SourceOptions(
        open_timeout_s=0.3, read_timeout_s=read_s, give_up_s=give_up_s, tell=told.append
    )
    return ReconnectingSource("cam", connect, options), told


def _lost() -> Connection:
    raise StreamLost("nobody answers")


def _refused() -> Connection:
    raise InputError("The password is wrong.")


def _first(source: ReconnectingSource, number: int) -> list[SourceFrame]:
    frames = list(itertools.islice(source, number))
    source.stop()
    return frames


def test_waits_double_up_to_half_a_minute_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnecting, "FIRST_WAIT_S", 0.5)
    runs = [list(itertools.islice(waits(), 10)) for _ in range(20)]
    for middle, wait in zip([0.5, 1, 2, 4, 8, 16, 30, 30], runs[0], strict=False):
        assert 0.75 * middle <= wait <= 1.25 * middle
    assert len({run[0] for run in runs}) > 10


def test_index_and_time_go_on_over_connections() -> None:
    source, told = _source(lambda: Giving(3), _lost, _lost, lambda: Giving(4))
    frames = _first(source, 7)
    assert [f.index for f in frames] == list(range(7))
    assert [f.name for f in frames][::6] == ["cam#0", "cam#6"]
    times = [f.time_s for f in frames if f.time_s is not None]
    assert times[:3] == pytest.approx([0, 0.5, 1.0]) and times == sorted(times) and len(times) == 7
    assert times[4] - times[3] == pytest.approx(0.5)
    assert told[0] == "cam is lost: the cable was pulled. Trying again."
    assert told[1].startswith("cam is back after ") and len(told) == 2
    assert all(f.path is None and f.arrived_at is not None for f in frames)


def test_a_source_that_comes_later_is_told_as_such() -> None:
    source, told = _source(_lost, _lost, lambda: Giving(1))
    _first(source, 1)
    assert told[0] == "cam is not there: nobody answers. Trying again."
    assert told[1].startswith("cam is there after ")


def test_it_gives_up_with_the_latest_reason() -> None:
    source, told = _source(lambda: Giving(2), _lost, give_up_s=0.2)
    began = time.monotonic()
    with pytest.raises(SourceLostError, match="stayed away") as caught:
        list(source)
    assert 0.2 <= time.monotonic() - began < 1.0
    assert (caught.value.path, caught.value.found) == ("cam", "nobody answers")
    assert caught.value.exit_code == 1 and len(told) == 1
    with pytest.raises(SourceLostError):
        list(_source(_lost, give_up_s=0)[0])


def test_a_refusal_ends_a_new_source_and_not_one_that_gave_frames() -> None:
    with pytest.raises(InputError, match="password"):
        list(_source(_refused)[0])
    source, told = _source(lambda: Giving(1), _refused, lambda: Giving(1))
    assert len(_first(source, 2)) == 2
    assert "is back" in told[1]


def test_a_connection_that_hangs_is_left_and_the_next_one_is_used() -> None:
    hang = threading.Event()
    source, told = _source(lambda: Giving(1, hang), lambda: Giving(9))
    assert len(_first(source, 3)) == 3
    assert "it gave no frame for 0.3 s" in told[0]
    hang.set()


def test_connections_that_hang_are_bounded() -> None:
    hang = threading.Event()
    opened = []

    def hanging() -> Connection:
        opened.append(1)
        return Giving(0, hang)

    source, _ = _source(hanging, give_up_s=1.0, read_s=0.05)
    with pytest.raises(SourceLostError, match="still hang in the driver"):
        list(source)
    assert len(opened) == 4
    hang.set()


@pytest.mark.parametrize("state", ["reading", "waiting to try again", "opening"])
def test_stop_ends_it_within_a_second(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = threading.Event()

    def opening() -> Connection:
        hang.wait(10)
        raise StreamLost("late")

    if state == "waiting to try again":
        monkeypatch.setattr(reconnecting, "FIRST_WAIT_S", 20)
    connect = {"reading": lambda: Giving(0, hang), "opening": opening}.get(state, _lost)
    source, _ = _source(connect, give_up_s=60, read_s=30)
    thread = threading.Thread(target=lambda: list(source))
    thread.start()
    time.sleep(0.1)
    source.stop()
    thread.join(1)
    assert not thread.is_alive()
    hang.set()
    assert list(source) == [], "it stays stopped"


def test_a_damaged_frame_is_an_error_at_its_place() -> None:
    class Damaged(Giving):
        def _decode(self) -> DecodedImage:
            raise FrameError("It is damaged.")

    source, _ = _source(lambda: Damaged(1), lambda: Giving(1))
    damaged, whole = _first(source, 2)
    assert (damaged.index, damaged.error, damaged.frame) == (0, "It is damaged.", None)
    assert whole.index == 1 and whole.frame is BLACK.frame


def test_what_a_decoder_notes_comes_with_the_frame() -> None:
    class Noted(Giving):
        def _decode(self) -> DecodedImage:
            return replace(BLACK, notes=(Note(NoteKind.DAMAGED, "Half of it is grey."),))

    source, _ = _source(lambda: Noted(1))
    assert _first(source, 1)[0].notes == ("Half of it is grey.",)


def test_frames_are_decoded_by_whoever_calls() -> None:
    source, _ = _source(lambda: Giving(2))
    first, second = itertools.islice(source.pending(), 2)
    assert second().index == 1 and first().index == 0
    source.stop()


def test_a_bug_in_a_connection_is_not_hidden() -> None:
    def bug() -> Connection:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(_source(bug)[0])


def test_it_has_no_end_to_expect() -> None:
    assert _source(_lost)[0].len_hint is None
    assert replace(SourceOptions()).give_up_s == 600
