"""Progress of long work, drawn with rich on standard error.

Standard output stays free for results (``--json``, JSONL). Without a terminal, lines replace the
bar, few enough to keep a log readable.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

T = TypeVar("T")

LINE_SECONDS = 30.0
"""Without a terminal, the least time between two lines about the same work."""
_LINES_OF_SPEED = 4
"""The speed is a mean over this many lines: one may hold no steps, but a validation, say."""


class Advance(Protocol):
    """Move a bar: ``advance(steps, note)``."""

    def __call__(self, steps: float = 1, note: str = "") -> None: ...


class Reporter:
    """Shows the user what a stage does.

    Args:
        quiet: Show nothing.
        console: Where to write; standard error by default.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self.quiet = quiet
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Print one line; rich markup is allowed."""
        if not self.quiet:
            self.console.print(text)

    def warn(self, text: str) -> None:
        """Print one line that the reader must not miss; the text is shown without markup."""
        if not self.quiet:
            self.console.print(f"[yellow]warning:[/] {escape(text)}")

    @contextmanager
    def bar(self, description: str, total: float | None) -> Iterator[Advance]:
        """Show a progress bar with time left, or lines without a terminal.

        Yields the function that moves it. Steps of its first call count as done earlier, by a run
        that was interrupted.
        """
        if self.quiet:
            yield lambda steps=1, note="": None
            return
        if not self.console.is_terminal:
            yield _Lines(description, total, self.console)
            return
        columns = (
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(description, total=total, note="")

            def advance(steps: float = 1, note: str = "") -> None:
                progress.advance(task, steps)
                if note:
                    progress.update(task, note=note)

            yield advance

    def track(self, items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Iterate with a bar."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        with self.bar(description, total) as advance:
            for item in items:
                yield item
                advance()


class _Lines:
    """Replaces a bar in a log: says how far the work is, at most once every half minute.

    A total that turns out too small, as a clip's may, is ignored.
    """

    def __init__(self, description: str, total: float | None, console: Console) -> None:
        self._description = description
        self._total = total
        self._console = console
        self._done = 0.0
        self._note = ""
        self._marks: deque[tuple[float, float]] = deque(maxlen=_LINES_OF_SPEED)

    def __call__(self, steps: float = 1, note: str = "") -> None:
        self._done += steps
        self._note = note or self._note
        now = time.monotonic()
        is_due = not self._marks or now - self._marks[-1][0] >= LINE_SECONDS
        if self._marks and is_due and self._done != self._total:
            self._console.print(self._line(now), markup=False, emoji=False, soft_wrap=True)
        if is_due:
            self._marks.append((now, self._done))

    def _line(self, now: float) -> str:
        then, done_then = self._marks[0]
        words = []
        if self._total and self._done < self._total:
            words.append(f"{self._done / self._total:.0%}")
            if self._done > done_then:
                left = (self._total - self._done) * (now - then) / (self._done - done_then)
                words.append(f"about {timedelta(seconds=round(left))} left")
        else:
            words.append(f"{self._done:g} done")
        if self._note:
            words.append(self._note)
        return f"{self._description}: {', '.join(words)}"


QUIET = Reporter(quiet=True)
"""Says nothing; the default of every stage when called from Python."""
