"""``edgefit calibrate``: choose the rules that turn probabilities into decisions."""

from __future__ import annotations

import typer

from edgefit.cli.output import (
    JsonOption,
    QuietOption,
    RunArgument,
    SetOption,
    error_console,
    percent,
    print_json,
    print_table,
    reporter,
    say_next,
)
from edgefit.records.calibrate import CalibrateRecord, TemperatureChoice
from edgefit.wording import counted


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("calibrate")(calibrate)


def calibrate(
    run: RunArgument,
    overrides: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Choose temperature, threshold, reject and novelty rules (--set operating.KEY=VALUE)."""
    from edgefit.stages.opening import reopen_run

    folder = reopen_run(run, overrides)
    from edgefit.stages.calibrate import calibrate as calibrate_stage

    results = calibrate_stage(folder, reporter(quiet=quiet))
    if as_json:
        print_json(results.to_json())
        return
    print_table(
        f"operating point, chosen on {counted(results.images, 'validation image')} in "
        f"{counted(results.groups, 'group')}",
        ["", "value (interval)"],
        [*_temperature(results), *_threshold(results), *_other_rules(results)],
    )
    for note in results.notes:
        error_console().print(f"[dim]{note}[/]", soft_wrap=True)
    say_next(["edgefit", "evaluate", folder.root])


def _temperature(results: CalibrateRecord) -> list[list[str]]:
    effect = results.calibration
    if effect is None:
        return []
    before, after = (r.expected_calibration_error for r in (effect.before, effect.after))
    scaling = results.scaling
    if scaling is not None and not scaling.applied:
        return [
            ["temperature", f"1 ({scaling.fitted:.4f} was fitted and is not applied)"],
            ["expected calibration error", percent(before)],
            ["it would be, with the fitted temperature", f"{100 * scaling.error_fitted:.2f} %"],
            *_left_out(scaling),
        ]
    if results.temperature == 1:
        return [["expected calibration error, no temperature scaling", percent(before)]]
    return [
        ["temperature", f"{results.temperature:.4f}"],
        ["expected calibration error before", percent(before)],
        ["after, on the images of the fit", percent(after)],
        *([] if scaling is None else _left_out(scaling)),
    ]


def _left_out(scaling: TemperatureChoice) -> list[list[str]]:
    if scaling.error_left_out is None:
        return []
    return [["the same, on images left out of the fit", f"{100 * scaling.error_left_out:.2f} %"]]


def _threshold(results: CalibrateRecord) -> list[list[str]]:
    rule = results.threshold
    if rule is None:
        return []
    rows = [
        [f"{rule.defect} at a probability of at least", f"{rule.value:.4f}"],
        ["chosen for", rule.chosen_for],
        ["escape rate", percent(rule.escape_rate)],
        ["overkill rate", percent(rule.overkill_rate)],
    ]
    if rule.limit is not None:
        bound = f"{rule.upper_bound:.2%} (limit {rule.limit:.2%})"
        rows.append([f"upper bound at {rule.bound_confidence:.0%} confidence", bound])
    return rows


def _other_rules(results: CalibrateRecord) -> list[list[str]]:
    rows = []
    if (option := results.conformal) is not None:
        rows.append(
            [
                f"unsure unless exactly one class reaches (coverage {option.coverage:.1%})",
                f"probability {1 - option.quantile:.4f}",
            ]
        )
    if (rule := results.novelty) is not None:
        rows.append(["novel above a score of", f"{rule.threshold:.4f}"])
    return rows
