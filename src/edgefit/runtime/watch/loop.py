"""The loop beside the inbox: look, answer what is ready, wait."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from edgefit.errors import InputError
from edgefit.names import printable, unescaped
from edgefit.runtime.stopping import Stop
from edgefit.runtime.voice import Voice
from edgefit.runtime.walking import PassedOver
from edgefit.runtime.watch.answering import Answerer
from edgefit.runtime.watch.batch import Batches, Tally
from edgefit.runtime.watch.identifying import InboxAway
from edgefit.runtime.watch.inbox import Arrival, Identity, Inbox, Look
from edgefit.runtime.watch.journal import Journal
from edgefit.runtime.watch.locking import (
    INBOX_LOCK,
    Lock,
    refuse_lock_below,
    refuse_locks_around,
)
from edgefit.runtime.watch.places import Places
from edgefit.runtime.watch.results import Results
from edgefit.shell import shell_line


@dataclass(frozen=True)
class Pace:
    """How often the inbox is looked at.

    Attributes:
        interval_s: Seconds between two looks.
        settle_s: Seconds for which a file must not change before it is answered.
    """

    interval_s: float = 0.5
    settle_s: float = 0.5


@dataclass(frozen=True)
class Inventory:
    """What is in the inbox.

    Attributes:
        files: Images and videos without an answer.
        passed_over: What watch never takes.
    """

    files: int
    passed_over: tuple[PassedOver, ...]


class Watcher:
    """Watches one inbox; it holds the locks while it is open.

    Args:
        places: Where files come from and go to.
        answerer: Answers a file.
        pace: How often to look.
        stop: Says when to end.
        voice: Where sentences for the user go.
        beat: Called at each look and each line: the loop is alive.

    Raises:
        InputError: Another process watches the inbox or writes the results, or an earlier run left
            an unfinished batch in another results file.
    """

    def __init__(
        self,
        places: Places,
        answerer: Answerer,
        pace: Pace,
        stop: Stop,
        voice: Voice,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._places, self._pace, self._stop, self._voice = places, pace, stop, voice
        self._beat = beat
        self._inbox = Inbox(places.inbox, pace.settle_s)
        self._open = ExitStack()
        try:
            self._lock = self._take_locks()
        except BaseException:
            self._open.close()
            raise
        results = Results(places.results, voice.warn)
        self._open.callback(results.close)
        self._batches = Batches(places, answerer, results, stop, voice, beat)
        self._is_away = False

    @property
    def tally(self) -> Tally:
        """What was done so far."""
        return self._batches.tally

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def run(self, *, once: bool = False) -> None:
        """Answer what arrives until a stop is asked for, or what is there with ``once``.

        Raises:
            InputError: The results cannot be written, a file cannot be moved, or, with ``once``,
                the inbox cannot be opened.
        """
        if once:
            look = self._look_or_raise()
            self._batches.resume()
            self._answer_those_of(look)
        else:
            self._answer_for_good()

    def inventory(self) -> Inventory | None:
        """What is in the inbox now; None where it cannot be opened."""
        try:
            look = self._inbox.look()
        except OSError:
            return None
        return Inventory(len(look.ready) + len(look.settling), look.passed_over)

    def _answer_those_of(self, look: Look) -> None:
        """Answer the files of a look; leave those that change, they are being written."""
        expected = _identities(look)
        while expected and not self._stop.asked:
            found = _identities(look)
            expected = {p: i for p, i in expected.items() if found.get(p) == i}
            ready = [arrival for arrival in look.ready if arrival.path in expected]
            self._batches.run(ready)
            for arrival in ready:
                del expected[arrival.path]
            if expected:
                self._stop.wait(self._pause(look))
                look = self._look_or_raise()

    def _answer_for_good(self) -> None:
        while not self._stop.asked:
            self._beat()
            look = self._look()
            if look is not None:
                self._answer(look)
            self._stop.wait(self._pause(look))

    def _pause(self, look: Look | None) -> float:
        if look is None or look.ready_in_s is None:
            return self._pace.interval_s
        return min(self._pace.interval_s, look.ready_in_s)

    def _answer(self, look: Look) -> None:
        try:
            self._batches.resume()  # of the last run, or of an inbox that went away and came back
            self._batches.run(look.ready)
        except InboxAway as error:
            self._tell_away(f"{error.message} What to do: {error.remedy}.")
            return
        if self._is_away:
            self._voice.say("the inbox is back")
        self._is_away = False

    def _look(self) -> Look | None:
        """The inbox now; None where it cannot be opened, with one warning for the whole time."""
        try:
            if not self._lock.is_in_place():
                self._lock.take_again()
            return self._inbox.look()
        except OSError as error:
            self._tell_away(f"{error.strerror}.")
            return None

    def _tell_away(self, why: str) -> None:
        if not self._is_away:
            inbox = printable(str(self._places.inbox))
            self._voice.warn(f"{inbox} is away, waiting until it is back. {why}")
        self._is_away = True

    def _look_or_raise(self) -> Look:
        try:
            return self._inbox.look()
        except OSError as error:
            raise InboxAway(
                "The inbox cannot be opened any more.",
                path=self._places.inbox,
                found=error.strerror,
                remedy="mount it again, then start again; nothing is lost",
            ) from error

    def _take_locks(self) -> Lock:
        inbox, results = self._places.inbox, self._places.results
        lock = self._locked(inbox / INBOX_LOCK, "this inbox")
        refuse_locks_around(inbox)
        for path in self._inbox.look().locks:
            refuse_lock_below(inbox, path)
        other = self._locked(results.with_name(f".{results.name}.lock"), "these results")
        if lock.former is not None and lock.former.results != results:
            _refuse_unfinished(lock.former.results, inbox)
        for each in (lock, other):
            each.announce()
        return lock

    def _locked(self, path: Path, subject: str) -> Lock:
        lock = Lock(path, subject, self._places.results)
        self._open.callback(lock.release)
        return lock


def _refuse_unfinished(results: Path, inbox: Path) -> None:
    """Refuse to go on with new results while old ones hold an unfinished batch of this inbox."""
    batch = Journal(results).read()
    if batch is None or unescaped(batch.inbox) != str(inbox):
        return
    command = shell_line("edgefit", "watch", "BUNDLE", inbox, "--out", results, "--once")
    raise InputError(
        "The last run left an unfinished batch in another results file.",
        path=inbox,
        key="--out",
        found=results,
        remedy=f"finish it first with `{command}`",
    )


def _identities(look: Look) -> dict[str, Identity]:
    found: tuple[Arrival, ...] = (*look.ready, *look.settling)
    return {arrival.path: arrival.identity for arrival in found}
