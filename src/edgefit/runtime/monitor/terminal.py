"""A live view of a run on a terminal; without one, a line every half minute."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edgefit.names import displayed
from edgefit.progress import LINE_SECONDS
from edgefit.runtime.monitor.figures import Snapshot, SourceFigures
from edgefit.runtime.monitor.measures import Spread
from edgefit.runtime.monitor.ticking import Ticking
from edgefit.wording import counted

_PER_SECOND = 4
_SILENT_S = 3.0
_SHOWN = 8
_COLUMNS = ("source", "state", "frames/s", "latency", "age p50", "age p99", "queue", "dropped")


def shown(
    read: Callable[[], Snapshot], console: Console, *, every_s: float = LINE_SECONDS
) -> AbstractContextManager[object]:
    """Show a run while this is open.

    Args:
        read: Gives the figures.
        console: Where to; a view that is drawn again and again if it is a terminal, else lines.
        every_s: Seconds between two lines.
    """
    if console.is_terminal:
        # Results may go through standard output to a file: it is no part of the view.
        return Live(
            get_renderable=lambda: view(read()),
            console=console,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )

    def say() -> None:
        console.print(line(read()), markup=False, emoji=False, soft_wrap=True)

    return Ticking(say, every_s, "figures")


def view(now: Snapshot) -> RenderableType:
    """All figures, as a table and lines below it."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, name in enumerate((*_COLUMNS, "errors")):
        table.add_column(name, justify="left" if number < 2 else "right", no_wrap=True)
    for source in now.sources:
        table.add_row(*(_text(cell) for cell in _cells(source)))
    below = [_decisions(now), *(f"{name}: {said}" for name, said in now.last)]
    return Group(table, *(_text(text) for text in below if text))


def line(now: Snapshot) -> str:
    """The figures of all sources on one line."""
    speed = sum(source.per_second for source in now.sources)
    words = [counted(now.frames, "frame"), f"{speed:.1f}/s"]
    took = [source.took.p99 for source in now.sources if source.took]
    ages = [source.age.p99 for source in now.sources if source.age and source.live]
    words += [f"latency p99 {_time(max(took))}"] if took else []
    words += [f"age p99 {_time(max(ages))}"] if ages else []
    errors = sum(source.errors for source in now.sources)
    dropped = sum(source.dropped for source in now.sources)
    words += [counted(errors, "error")] if errors else []
    words += [f"{dropped} dropped"] if dropped else []
    words += [_decisions(now)] if now.decisions else []
    words += [f"{s.name}: {_state(s)}" for s in now.sources if _state(s) != "running"]
    return displayed("; ".join(words))


def _cells(source: SourceFigures) -> tuple[str, ...]:
    age = source.age if source.live else None
    return (
        source.name,
        _state(source),
        f"{source.per_second:.1f}",
        _p50(source.took),
        _p50(age),
        "-" if age is None else _time(age.p99),
        str(source.depth),
        str(source.dropped),
        str(source.errors),
    )


def _state(source: SourceFigures) -> str:
    if source.state == "running" and source.since_s > _SILENT_S:
        return f"no frame for {source.since_s:.0f} s" if source.live else "waiting"
    return source.state


def _decisions(now: Snapshot) -> str:
    if now.good_share is not None:
        return f"yield {now.good_share:.2%} of {sum(now.decisions.values())}"
    counts = [f"{decision} {count}" for decision, count in list(now.decisions.items())[:_SHOWN]]
    return ", ".join(counts) + (", ..." if len(now.decisions) > _SHOWN else "")


def _p50(spread: Spread | None) -> str:
    return "-" if spread is None else _time(spread.p50)


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _text(words: str) -> Text:
    # A Text is shown as it is: names of files and classes may look like markup.
    return Text(displayed(words), no_wrap=True, overflow="ellipsis")
