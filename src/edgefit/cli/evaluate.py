"""``edgefit evaluate``: measure the trained network on every held-out image."""

from __future__ import annotations

import typer

from edgefit.cli.decisions import decision_rows, worst_rows
from edgefit.cli.output import (
    JsonOption,
    QuietOption,
    RunArgument,
    SetOption,
    percent,
    print_json,
    print_table,
    reporter,
    say_next,
)
from edgefit.records.evaluate import EvaluateRecord
from edgefit.wording import counted


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("evaluate")(evaluate)


def evaluate(
    run: RunArgument,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure accuracy, per-class results and calibration, each with its interval."""
    from edgefit.stages.opening import reopen_run

    folder = reopen_run(run, overrides)
    from edgefit.stages.evaluate import evaluate as evaluate_stage

    results = evaluate_stage(folder, reporter(quiet=quiet))
    if as_json:
        print_json(results.to_json())
        return
    rows = [[name, percent(entry)] for name, entry in results.metrics.items()]
    rows += worst_rows(results.worst_class, results.worst_group)
    print_table(
        f"{counted(results.images, 'held-out image')} in {counted(results.groups, 'group')}",
        ["metric", "value (interval)"],
        rows,
    )
    decisions = [*_temperature_rows(results), *decision_rows(results.operating)]
    print_table("operating point", ["", "value (interval)"], decisions)
    classes = [
        [
            entry.label,
            str(entry.support),
            percent(entry.precision),
            percent(entry.recall),
            percent(entry.f1),
        ]
        for entry in results.per_class
    ]
    print_table("classes", ["class", "images", "precision", "recall", "F1"], classes)
    for column, values in results.by.items():
        by = [
            [value, str(entry.images), percent(entry.metrics["accuracy"])]
            for value, entry in values.items()
        ]
        print_table(f"by {column}", [column, "images", "accuracy"], by)
    say_next(["edgefit", "export", folder.root])


def _temperature_rows(results: EvaluateRecord) -> list[list[str]]:
    effect = results.operating.calibration
    if effect is None:
        return []
    before, after = (r.expected_calibration_error for r in (effect.before, effect.after))
    if effect.temperature == 1:
        return [["expected calibration error, no temperature scaling", percent(after)]]
    return [
        ["expected calibration error before temperature scaling", percent(before)],
        ["expected calibration error after temperature scaling", percent(after)],
    ]
