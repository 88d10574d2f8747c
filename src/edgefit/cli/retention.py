"""``edgefit retention``: general knowledge that the backbone keeps, and the cost of each remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgefit.cli.output import (
    JsonOption,
    QuietOption,
    RunArgument,
    SetOption,
    percent,
    points,
    print_json,
    print_table,
    reporter,
    say_next,
)
from edgefit.wording import counted

if TYPE_CHECKING:
    from edgefit.records.comparison import ComparisonRecord
    from edgefit.records.retention import RetentionRecord


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("retention")(retention)


def retention(
    run: RunArgument,
    general: Annotated[
        Path | None,
        typer.Option(
            "--general",
            help="Folder of general images, one subfolder per class; default: the recipe's.",
        ),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare",
            metavar="ARMS",
            help="Train an arm for each remedy and compare them: `all`, or a list of none, probe, "
            "freeze, l2-sp, distill, replay, interpolate. Combine remedies with +, set a strength "
            "with =STRENGTH, e.g. none,probe,distill=2+interpolate.",
        ),
    ] = None,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure general knowledge before and after fine-tuning; with --compare, for each remedy.

    --compare does not train the run itself again: --set then applies to the arms alone.
    """
    from edgefit.recipe.resolving import resolve
    from edgefit.stages.opening import reopen_run

    # JSON is YAML that keeps every character of a path
    named = [f"retention.general={json.dumps(str(general.resolve()))}"] if general else []
    shown = reporter(quiet=quiet)
    if compare is None:
        folder = reopen_run(run, [*named, *(overrides or [])])
        from edgefit.stages.retention import retention as retention_stage

        record = retention_stage(folder, shown)
        if as_json:
            print_json(record.to_json())
        else:
            _print_retention(record)
            say_next(["edgefit", "retention", folder.root, "--compare", "all"])
        return
    folder = reopen_run(run, named)
    recipe = resolve(folder.recipe(), overrides=overrides or ())
    from edgefit.studies.remedies import compare_remedies

    arms = [name.strip() for name in compare.split(",") if name.strip()]
    comparison = compare_remedies(folder, arms, shown, recipe=recipe)
    if as_json:
        print_json(comparison.to_json())
    else:
        _print_comparison(comparison)
        typer.echo(f"drawing: {folder.root / comparison.STAGE / comparison.drawings[0]}")


def _print_retention(record: RetentionRecord) -> None:
    from edgefit.evaluate.retention import PROBE_TITLES

    rows = [
        [PROBE_TITLES[name], percent(probe.before), percent(probe.after), percent(probe.kept)]
        for name, probe in record.by_probe.items()
    ]
    print_table(
        f"{counted(record.images, 'general image')} of {counted(record.classes, 'class')}",
        ["probe", "accuracy before", "after", "kept"],
        rows,
    )
    apart = record.general.replay_images
    typer.echo(f"The other half, {counted(apart, 'image')}, is reserved for train.keep.replay.")
    for note in record.notes:
        typer.echo(note)


def _print_comparison(record: ComparisonRecord) -> None:
    metric = record.metric
    rows = [
        [
            arm.name,
            percent(arm.metrics[metric]),
            points(arm.over_probe),
            points(arm.over_none),
            percent(arm.kept.linear),
            percent(arm.kept.neighbours),
            arm.worst_class.recall_in_words,
        ]
        for arm in record.arms
    ]
    print_table(
        f"{counted(record.test_images, 'test image')}, "
        f"{counted(record.general_images, 'general image')}; "
        "gains in percentage points",
        [
            "arm",
            metric.replace("_", " "),
            "over probe",
            "over none",
            "kept, linear",
            "kept, neighbours",
            "worst class",
        ],
        rows,
    )
    for note in record.notes:
        typer.echo(note)
