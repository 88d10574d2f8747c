from __future__ import annotations

import threading
import time

from edgefit.runtime.monitor.ticking import Ticking


def test_it_calls_again_and_again_until_it_is_closed() -> None:
    calls, enough = [], threading.Event()

    def note() -> None:
        calls.append(threading.current_thread().name)
        if len(calls) == 3:
            enough.set()

    before = threading.active_count()
    with Ticking(note, 0.005, "notes"):
        assert enough.wait(10)
    count = len(calls)
    assert threading.active_count() == before and set(calls) == {"notes"}
    time.sleep(0.03)
    assert len(calls) == count


def test_closing_does_not_wait_for_the_interval() -> None:
    began = time.monotonic()
    with Ticking(lambda: None, 60, "slow"):
        pass
    assert time.monotonic() - began < 5
