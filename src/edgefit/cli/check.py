"""``edgefit check``: read, audit and split the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from edgefit.cli.output import (
    DataOption,
    JsonOption,
    OutOption,
    QuietOption,
    SetOption,
    SourceArgument,
    WeightsOption,
    error_console,
    print_json,
    print_table,
    reporter,
    say_next,
)

if TYPE_CHECKING:
    from edgefit.records.check import CheckRecord


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("check")(check)


def check(
    source: SourceArgument,
    data: DataOption = None,
    weights: WeightsOption = None,
    out: OutOption = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Read every image, list what is wrong, draw the splits and freeze them."""
    from edgefit.stages.opening import open_run

    run = open_run(source, data=data, weights=weights, out=out, overrides=overrides)
    from edgefit.stages.check import check as check_stage

    record = check_stage(run, reporter(quiet=quiet))
    if as_json:
        print_json(record.to_json())
        return
    _print(record)
    say_next(["edgefit", "train", run.root])


def _print(record: CheckRecord) -> None:
    counts = record.images_by_split_and_class
    splits = list(counts)
    labels = list(next(iter(counts.values())))
    rows = [[label, *(str(counts[s][label]) for s in splits)] for label in labels]
    rows.append(["all", *(str(sum(counts[s].values())) for s in splits)])
    print_table("images", ["class", *splits], rows)
    for finding in record.findings:
        colour = {"error": "red", "warning": "yellow"}.get(finding.level, "blue")
        error_console().print(f"[{colour}]{finding.level}[/]: {escape(finding.message)}")
    for path, reason in list(record.unreadable.items())[:20]:
        error_console().print(f"  unreadable: {escape(path)}: {escape(reason)}")
