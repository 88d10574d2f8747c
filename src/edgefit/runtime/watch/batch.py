"""One batch: journal, lines, sync, moves. The order of these steps is what nothing is lost by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from edgefit.errors import EdgefitError, InputError
from edgefit.names import escaped, printable, unescaped
from edgefit.runtime.stopping import Stop
from edgefit.runtime.voice import Voice
from edgefit.runtime.watch.answering import Answerer, Line
from edgefit.runtime.watch.durable import sync_folder
from edgefit.runtime.watch.identifying import InboxAway, inbox_id, known_id
from edgefit.runtime.watch.inbox import Arrival, Identity, identity_of, is_video
from edgefit.runtime.watch.journal import Batch, Entry, Journal, Move
from edgefit.runtime.watch.moving import Mover
from edgefit.runtime.watch.places import Places
from edgefit.runtime.watch.recovery import forgiven, is_complete, recount
from edgefit.runtime.watch.results import Results
from edgefit.shell import shell_line

BATCH = 32
"""Most files per batch. A file is moved when its batch ends, so this bounds how long it waits."""
PATIENCE = 4
"""A file during which so many runs ended is not tried again: it would block all others."""


@dataclass
class Tally:
    """What was done.

    Attributes:
        answered: Files moved to ``done``.
        failed: Files moved to ``failed``.
        lines: Lines written.
        frames: Lines with an answer.
    """

    answered: int = 0
    failed: int = 0
    lines: int = 0
    frames: int = 0


@dataclass(frozen=True)
class _Outcome:
    path: str
    identity: Identity
    answered: int
    error: str | None
    finished: bool = True
    given_up: bool = False

    @property
    def reason(self) -> str | None:
        """Why the file failed; None where a frame of it has an answer."""
        return self.error if self.given_up or not self.answered else None


class Batches:
    """Answers batches of files and finishes those that a power cut left behind."""

    def __init__(
        self,
        places: Places,
        answerer: Answerer,
        results: Results,
        stop: Stop,
        voice: Voice,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._inbox, self._results_path = places.inbox, places.results
        self._answerer, self._results, self._stop, self._voice = answerer, results, stop, voice
        self._beat = beat
        self._journal, self._mover = Journal(places.results), Mover(places)
        self.tally = Tally()

    def resume(self) -> None:
        """Finish the batch of a run that was cut off; nothing where there is none.

        Raises:
            InboxAway: The folder at the inbox's path is not the one of the batch.
            InputError: The batch belongs to another inbox, or its journal cannot be read.
        """
        batch = self._journal.read()
        if batch is None:
            return
        require_same_inbox(batch, self._inbox, self._journal.path, self._results_path)
        self._voice.say("the last run was cut off; finishing its batch")
        if batch.moves is not None:
            self._carry_out(batch, [self._mover.resumed(move) for move in batch.moves])
        else:
            warn = self._voice.warn
            self._run(recount(batch, self._results_path, self._is_there, warn))

    def run(self, arrivals: Sequence[Arrival]) -> None:
        """Answer files, in order, until all are answered or a stop is asked for.

        Raises:
            InboxAway: The inbox has gone; the batch is finished when it is back.
            InputError: The results cannot be written, or a file cannot be moved.
        """
        for batch in _batches(arrivals):
            if self._stop.asked:
                return
            self._run(tuple(_entry(arrival) for arrival in batch))

    def _run(self, entries: tuple[Entry, ...]) -> None:
        mark = self._results.begin()
        batch = Batch(
            inbox=escaped(str(self._inbox)),
            inbox_id=inbox_id(self._inbox),
            mark=mark,
            files=entries,
        )
        self._journal.write(batch)
        try:
            outcomes = self._answers(entries)
        except (EdgefitError, OSError):  # a full disk, say: no file is to blame for it
            with suppress(InputError):
                self._journal.write(batch.model_copy(update={"files": forgiven(entries)}))
            raise
        ended = [outcome for outcome in outcomes if outcome is not None]
        if all(outcome.finished for outcome in ended):
            plans = [self._mover.plan(o.path, o.identity, o.reason) for o in ended]
            self._carry_out(batch, plans)
        else:
            self._voice.say("stopped inside a video; the next start goes on with its next frame")

    def _answers(self, entries: tuple[Entry, ...]) -> list[_Outcome | None]:
        """Write all lines, and return once they are on the disk."""
        outcomes = []
        for entry in entries:
            # What has its line is moved even when asked to stop.
            if not self._stop.asked or is_complete(entry):
                outcomes.append(self._answer(entry))
            elif entry.lines:
                outcomes.append(_begun(entry))
        self._results.sync()
        return outcomes

    def _answer(self, entry: Entry) -> _Outcome | None:
        """Write the lines that a file lacks; None where it has changed or gone."""
        path = unescaped(entry.path)
        identity = identity_of(self._inbox / path)
        if identity is None or not _fits(entry, identity):
            return None
        outcome = _Outcome(path, identity, entry.answered, entry.error)
        if is_complete(entry):
            return outcome
        if entry.cut_off >= PATIENCE:
            error = f"edgefit ended {entry.cut_off} times while it answered this file."
            self._put(self._answerer.failure(path, error, index=entry.lines))
            return replace(outcome, error=error, given_up=True)
        return self._put_lines(outcome, skip=entry.lines)

    def _put_lines(self, outcome: _Outcome, skip: int) -> _Outcome | None:
        video = is_video(outcome.path)
        for line in self._answerer.lines(outcome.path, skip=skip):
            # What was read of an image that has changed may be half of each; a video's lines are
            # out already when it turns out to have changed.
            if not video and identity_of(self._inbox / outcome.path) != outcome.identity:
                return None
            self._put(line)
            outcome = replace(
                outcome,
                answered=outcome.answered + (line.error is None),
                error=outcome.error or line.error,
            )
            if video and self._stop.asked:
                return replace(outcome, finished=False)
        return outcome

    def _put(self, line: Line) -> None:
        self._results.append(line.text)
        self.tally.lines += 1
        self.tally.frames += line.error is None
        self._beat()

    def _carry_out(self, batch: Batch, moves: list[Move]) -> None:
        if moves:
            self._journal.write(batch.model_copy(update={"moves": tuple(moves)}))
        for number in range(len(moves)):
            while not self._moved(moves, number):
                moves[number] = self._mover.plan_again(moves[number])
                self._journal.write(batch.model_copy(update={"moves": tuple(moves)}))
        for folder in self._mover.folders(moves):
            sync_folder(folder)
        # Files that seem to have gone are still there if it is the folder that has gone.
        require_same_inbox(batch, self._inbox, self._journal.path, self._results_path)
        self._journal.remove()

    def _moved(self, moves: list[Move], number: int) -> bool:
        move = moves[number]
        try:
            moved = self._mover.carry_out(move)
        except FileExistsError:
            return False
        if moved and move.reason is None:
            self.tally.answered += 1
        elif moved:
            self.tally.failed += 1
            self._voice.say(f"failed: {printable(unescaped(move.path))}: {move.reason}")
        return True

    def _is_there(self, entry: Entry) -> bool:
        identity = identity_of(self._inbox / unescaped(entry.path))
        return identity is not None and _fits(entry, identity)


def require_same_inbox(batch: Batch, inbox: Path, journal: Path, results: Path) -> None:
    """Refuse to finish a batch whose files are not in this inbox.

    Raises:
        InboxAway: The inbox has the path of the batch's, but is another folder.
        InputError: The batch is of another inbox.
    """
    if batch.inbox_id == known_id(inbox):
        return
    other = Path(unescaped(batch.inbox))
    if other == inbox:
        raise InboxAway(
            "The inbox is not the folder that the unfinished batch came from.",
            path=inbox,
            expected="the folder as it was, e.g. mounted",
            found="no folder" if not inbox.is_dir() else "another folder at the same path",
            remedy=f"mount it; only if it is gone for good, remove {journal}",
        )
    command = shell_line("edgefit", "watch", "BUNDLE", other, "--out", results, "--once")
    raise InputError(
        "The results hold an unfinished batch of another inbox.",
        path=journal,
        found=other,
        expected=inbox,
        remedy=f"finish it with `{command}`, or give this inbox a results file of its own; "
        "only if that inbox is gone for good, remove the journal",
    )


def _batches(arrivals: Sequence[Arrival]) -> list[list[Arrival]]:
    """Images in batches; a video, which may take long, in one of its own."""
    batches: list[list[Arrival]] = []
    for arrival in arrivals:
        if batches and _has_room(batches[-1]) and not is_video(arrival.path):
            batches[-1].append(arrival)
        else:
            batches.append([arrival])
    return batches


def _has_room(batch: list[Arrival]) -> bool:
    return len(batch) < BATCH and not is_video(batch[-1].path)


def _entry(arrival: Arrival) -> Entry:
    identity = arrival.identity
    return Entry(path=escaped(arrival.path), size=identity.size, mtime_ns=identity.mtime_ns)


def _begun(entry: Entry) -> _Outcome:
    """A video of an earlier run that this one does not go on with."""
    identity = Identity(entry.size, entry.mtime_ns, inode=0)
    return _Outcome(unescaped(entry.path), identity, entry.answered, entry.error, finished=False)


def _fits(entry: Entry, identity: Identity) -> bool:
    return (entry.size, entry.mtime_ns) == (identity.size, identity.mtime_ns)
