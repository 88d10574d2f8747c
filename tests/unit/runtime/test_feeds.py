"""One source in a thread of its own, by both policies."""

from __future__ import annotations

import threading
import time

import numpy as np

from edgefit.errors import StageError
from edgefit.runtime.feeds import Feed, Policy
from tests.unit.runtime.sources.given import Given, Ticking


def frames(count: int) -> Given:
    return Given(*(np.full((2, 2, 3), n, np.uint8) for n in range(count)))


def wait_until_ended(feed: Feed, wake: threading.Condition) -> None:
    with wake:
        assert wake.wait_for(lambda: feed.ended, timeout=10)


def test_every_waits_for_room_and_loses_nothing() -> None:
    wake = threading.Condition()
    feed = Feed(frames(50), None, 4, wake)
    assert feed.policy is Policy.EVERY
    feed.start()
    seen = []
    with wake:
        while len(seen) < 50:
            assert wake.wait_for(lambda: feed.ready, timeout=10)
            assert feed.depth <= 4
            seen.append(feed.take().decode().index)
    assert seen == list(range(50))
    assert feed.dropped == 0
    wait_until_ended(feed, wake)


def test_latest_keeps_one_frame_and_counts_the_others() -> None:
    wake = threading.Condition()
    feed = Feed(Ticking(20, 0.001), None, 4, wake)
    assert feed.policy is Policy.LATEST
    feed.start()
    wait_until_ended(feed, wake)
    with wake:
        assert feed.depth == 1
        taken = feed.take()
    assert taken.decode().index == 19
    assert taken.dropped == feed.dropped == 19


def test_a_policy_can_be_chosen() -> None:
    wake = threading.Condition()
    assert Feed(frames(1), Policy.LATEST, 4, wake).policy is Policy.LATEST
    assert Feed(Ticking(1, 0), Policy.EVERY, 4, wake).policy is Policy.EVERY


def test_a_lost_source_and_a_bug_are_told_apart() -> None:
    wake = threading.Condition()
    lost = Feed(Ticking(0, 0, lost=True), None, 4, wake)
    lost.start()
    wait_until_ended(lost, wake)
    assert isinstance(lost.lost, StageError) and lost.crash is None

    class Broken(Given):
        def pending(self):  # type: ignore[no-untyped-def]
            raise ZeroDivisionError

    broken = Feed(Broken(), None, 4, wake)
    broken.start()
    wait_until_ended(broken, wake)
    assert broken.lost is None and isinstance(broken.crash, ZeroDivisionError)


def test_stopping_frees_a_reader_that_waits_for_room() -> None:
    wake = threading.Condition()
    feed = Feed(frames(50), None, 2, wake)
    feed.start()
    time.sleep(0.05)
    feed.stop()
    feed.join(10)
    assert feed.ended
