"""Progress of long work, drawn with rich on standard error.

Standard output stays free for results (``--json``, JSONL). Off a terminal no bar is drawn, only the
lines that stages say, so that logs stay readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
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


class Advance(Protocol):
    """Move a bar: ``advance(steps, note)``."""

    def __call__(self, steps: float = 1, note: str = "") -> None: ...


class Reporter:
    """What stages talk to while they work.

    Args:
        quiet: Draw and write nothing.
        console: Where to write; standard error by default.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self.quiet = quiet
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """One line, rich markup allowed."""
        if not self.quiet:
            self.console.print(text)

    def warn(self, text: str) -> None:
        """One line that the reader must not miss; shown as it is, without markup."""
        if not self.quiet:
            self.console.print(f"[yellow]warning:[/] {escape(text)}")

    @contextmanager
    def bar(self, description: str, total: float | None) -> Iterator[Advance]:
        """A progress bar with time left; gives the function that moves it."""
        if self.quiet or not self.console.is_terminal:
            yield lambda steps=1, note="": None
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


QUIET = Reporter(quiet=True)
"""Says nothing; the default of every stage when called from Python."""
