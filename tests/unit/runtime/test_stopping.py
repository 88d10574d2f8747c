from __future__ import annotations

import signal
import threading
import time

import pytest

from edgefit.runtime import stopping
from edgefit.runtime.stopping import Stop


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_and_ends_a_sleep(sign: signal.Signals) -> None:
    former = signal.getsignal(sign)
    with Stop() as stop:
        stop.wait(0)
        assert stop.asked is None
        signal.raise_signal(sign)
        assert stop.asked is sign
        began = time.monotonic()
        stop.wait(30)
        assert time.monotonic() - began < 10
    assert signal.getsignal(sign) is former


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Stop() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.asked is signal.SIGINT
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)


def test_what_follows_runs_once_in_a_thread_of_its_own() -> None:
    called: list[str] = []
    done = threading.Event()

    def then() -> None:
        called.append(threading.current_thread().name)
        done.set()

    with Stop(then) as stop:
        signal.raise_signal(signal.SIGTERM)
        assert done.wait(10) and stop.asked is signal.SIGTERM
    assert called == ["stop"]


def test_nothing_follows_an_end_that_nobody_asked_for() -> None:
    before = threading.active_count()
    with Stop(pytest.fail):
        pass
    assert threading.active_count() == before


def test_a_hang_up_opens_files_anew_and_stops_nothing() -> None:
    former, calls = signal.getsignal(signal.SIGHUP), []
    with Stop(pytest.fail, lambda: calls.append(1)) as stop:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        assert (calls, stop.asked) == ([1, 1], None)
    assert signal.getsignal(signal.SIGHUP) is former


def test_a_hang_up_is_left_alone_where_no_file_can_be_opened_anew() -> None:
    former = signal.getsignal(signal.SIGHUP)
    with Stop():
        assert signal.getsignal(signal.SIGHUP) is former


def test_the_hang_up_of_the_own_terminal_asks_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "has_terminal", lambda: True)
    with Stop(reopen=pytest.fail) as stop:
        monkeypatch.setattr(stopping, "has_terminal", lambda: False)
        signal.raise_signal(signal.SIGHUP)
        assert stop.asked is signal.SIGHUP


def test_another_thread_sets_no_handlers() -> None:
    former, found = signal.getsignal(signal.SIGTERM), []

    def look() -> None:
        with Stop(pytest.fail, pytest.fail):
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [former]
