"""What the verbs share: common options, and where output goes.

Results go to standard output: a table for people, one JSON document with ``--json``. Progress,
warnings and hints go to standard error.
"""

from __future__ import annotations

import json
import os
import select
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgefit.progress import Reporter
from edgefit.records.comparison import Gain
from edgefit.records.figures import Figure
from edgefit.records.learning_curve import Advantage
from edgefit.shell import shell_line

_UNBOUNDED = 500

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document and nothing else.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a recipe key; may be repeated."),
]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of labelled images, or a CSV file.")
]
WeightsOption = Annotated[
    str | None, typer.Option("--weights", help="`imagenet`, `none`, or a .pth/.safetensors file.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Run folder; default: runs/ plus the recipe's name.")
]
VariantOption = Annotated[
    str | None, typer.Option("--variant", help="engine/precision; default: the recommended.")
]
TopKOption = Annotated[int, typer.Option("--top-k", min=1, help="Classes listed per frame.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Threads of the engine.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
SourceArgument = Annotated[
    Path, typer.Argument(metavar="RECIPE|RUN", help="A recipe file, or a run folder to continue.")
]


def error_console() -> Console:
    """A console on the current standard error."""
    return Console(stderr=True, highlight=False)


def reporter(*, quiet: bool) -> Reporter:
    """Progress on standard error; nothing with ``--quiet``."""
    return Reporter(quiet=quiet, console=error_console())


def warn(text: str) -> None:
    """Print a warning, whatever it holds, on standard error."""
    error_console().print(f"[yellow]warning:[/] {escape(text)}", soft_wrap=True, emoji=False)


@contextmanager
def warnings_printed() -> Iterator[None]:
    """Print Python's warnings as those of edgefit, without the file and line that raised them."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        yield
    for note in notes:
        warn(str(note.message))


def print_json(facts: Mapping[str, object]) -> None:
    """Print the one JSON document of ``--json``."""
    sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_json_line(facts: Mapping[str, object]) -> None:
    """Print one line of JSON, as the last of a verb that prints a line per frame."""
    sys.stdout.write(json.dumps(facts, ensure_ascii=False, allow_nan=False) + "\n")


def print_error(facts: Mapping[str, object]) -> None:
    """Print an error's facts as the one JSON document; on standard error if the disk is full."""
    line = json.dumps(facts) + "\n"
    try:
        sys.stdout.write(line)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError:
        write_nowhere()
        sys.stderr.write(line)


def reader_has_gone() -> bool:
    """Whether a broken pipe was that of standard output or error, not one to a worker process."""
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # not a file of the system, or closed
            poll.register(stream.fileno(), 0)  # errors are reported in any case
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def write_nowhere() -> None:
    """Give up standard output, so that what is left there is no error of its own."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a table for people."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for number, column in enumerate(columns):
        first = number == 0
        table.add_column(column, justify="left" if first else "right", no_wrap=first)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a pipe has no width, so cut nothing off
        console.width = _UNBOUNDED
    console.print(table)


def say_next(*steps: str | Sequence[str | Path]) -> None:
    """Print what to do next: commands as lists of words, which are quoted, and sentences."""
    console = error_console()
    console.print("[bold]next:[/]")
    for step in steps:
        line = step if isinstance(step, str) else shell_line(*step)
        console.print(f"  {line}", soft_wrap=True, markup=False, emoji=False)


def percent(entry: Figure | Mapping[str, Any] | None) -> str:
    """``98.4 % (97.5-99.0)`` from value, low, high."""
    if isinstance(entry, Mapping):
        entry = Figure(**{name: entry[name] for name in ("value", "low", "high")})
    if entry is None or entry.value is None:
        return "-"
    if entry.low is None or entry.high is None:
        return f"{entry.value * 100:.2f} %"
    return f"{entry.value * 100:.2f} % ({entry.low * 100:.1f}-{entry.high * 100:.1f})"


def points(entry: Gain | Advantage | None) -> str:
    """``+1.20 (+0.5..+2.0)``, percentage points, from gain, low, high; `-` if unknown."""
    if entry is None or entry.gain is None or entry.low is None or entry.high is None:
        return "-"
    return f"{100 * entry.gain:+.2f} ({100 * entry.low:+.1f}..{100 * entry.high:+.1f})"


@dataclass(frozen=True)
class ConsoleVoice:
    """Sentences on standard error; warnings even with ``--quiet``."""

    quiet: bool

    def say(self, text: str) -> None:
        if not self.quiet:
            error_console().print(escape(text), soft_wrap=True, emoji=False)

    def warn(self, text: str) -> None:
        warn(text)
