"""``edgefit predict``: run a bundle on an image, a folder, a glob or a video."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue
from rich.markup import escape

from edgefit.cli.output import (
    QuietOption,
    ThreadsOption,
    TopKOption,
    VariantOption,
    error_console,
    print_json_line,
    reporter,
    warnings_printed,
)
from edgefit.errors import InputError
from edgefit.names import printable
from edgefit.spec import Links
from edgefit.wording import counted

if TYPE_CHECKING:
    from edgefit.records.passed_over import PassedOverFiles
    from edgefit.runtime.stream import StreamCounts


class Format(StrEnum):
    """File format of the predictions."""

    JSONL = "jsonl"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("predict")(predict)


def predict(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle.")],
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="An image, folder, quoted glob or video file.")
    ],
    out: Annotated[str, typer.Option("--out", help="File to write; - is standard output.")] = "-",
    output_format: Annotated[
        Format | None,
        typer.Option("--format", help="Default: csv if --out ends in .csv, else jsonl."),
    ] = None,
    variant: VariantOption = None,
    top_k: TopKOption = 3,
    threads: ThreadsOption = None,
    links: Annotated[
        Links, typer.Option("--links", help="Which symbolic links in a folder are followed.")
    ] = Links.INSIDE,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="JSON lines on standard output; the last one is a summary."),
    ] = False,
    quiet: QuietOption = False,
) -> int:
    """Write one line per frame, in order; the line of an unreadable frame holds the error.

    In folders and globs, hidden files, thumbnails of network storage and files that are not images
    are passed over and counted.
    """
    from edgefit.runtime.predictor import load
    from edgefit.runtime.sinks.csv import CsvSink
    from edgefit.runtime.sinks.jsonl import JsonlSink
    from edgefit.runtime.sources import open_source
    from edgefit.runtime.stream import stream
    from edgefit.runtime.walking import counts_of

    _require_text_file(out)
    chosen = output_format or (Format.CSV if out.endswith(".csv") else Format.JSONL)
    if as_json:
        chosen = Format.JSONL
    with warnings_printed():
        predictor = load(bundle, variant=variant, threads=threads)
    frames = open_source(source, predictor.input, links=links)
    shown = reporter(quiet=quiet or (out == "-" and sys.stdout.isatty()))
    sinks = {Format.CSV: CsvSink, Format.JSONL: JsonlSink}
    with sinks[chosen](out, predictor.columns(top=top_k)) as sink:
        counts = stream(predictor, frames, [sink], reporter=shown)
    passed_over = counts_of(frames.passed_over)
    if as_json:
        print_json_line({"summary": _summary(str(predictor.variant), counts, passed_over)})
    if not quiet:
        _print_end(str(predictor.variant), counts, passed_over, out)
    return 1 if counts.unreadable and not counts.answered else 0


def _summary(
    variant: str, counts: StreamCounts, passed_over: tuple[PassedOverFiles, ...]
) -> dict[str, JsonValue]:
    from edgefit.records.predict import PredictSummary

    return PredictSummary(
        variant=variant,
        answered=counts.answered,
        unreadable=counts.unreadable,
        noted=counts.noted,
        passed_over=passed_over,
    ).to_json()


def _print_end(
    variant: str, counts: StreamCounts, passed_over: tuple[PassedOverFiles, ...], out: str
) -> None:
    from edgefit.runtime.walking import described

    console = error_console()
    skipped = described(passed_over)
    console.print(
        f"{counted(counts.answered, 'frame')} answered by {variant}, {counts.unreadable} unreadable"
        + (f", {counts.noted} with notes" if counts.noted else "")
        + (f"; passed over: {escape(skipped)}" if skipped else ""),
        soft_wrap=True,
    )
    if out != "-":
        console.print(f"written: {escape(printable(out))}", soft_wrap=True)


def _require_text_file(out: str) -> None:
    """Refuse to write predictions over an image or a video."""
    from edgefit.runtime.images.decode import IMAGE_SUFFIXES
    from edgefit.runtime.sources import VIDEO_SUFFIXES

    if Path(out).suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES:
        raise InputError(
            "--out has the extension of an image or a video.",
            path=out,
            expected="a file for text, e.g. results.jsonl or results.csv",
            remedy="give the file another name; no image was changed",
        )
