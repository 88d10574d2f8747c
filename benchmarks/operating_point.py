"""Escape, overkill, calibration and novelty of a run, for every exported file.

::

    edgefit build models/conveyor-quality/recipe.yaml --data DATA --weights FILE --out runs/quality
    python -m benchmarks.operating_point runs/quality --readme docs/studies/conveyor-quality.md

Measures nothing itself: threshold, temperature and the rest were chosen on validation images by the
stage ``calibrate``, and measured on the test images for the trained network by ``evaluate`` and,
through its own engine, for each file by ``verify``. The suite writes the table and
the result file that ``--out`` names.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.measuring import facts_of, figure, write_result
from benchmarks.readme import interval, percent, table, write_section
from edgefit.recipe import OperatingConfig
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.evaluate import EvaluateRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder

SUITE = "operating-point"
COMMAND = "edgefit build RECIPE --data DATA --weights FILE"
NETWORK = "trained network"
Facts = dict[str, Any]
RATES: tuple[tuple[str, str, str], ...] = (
    ("threshold", "escape_rate", "escape"),
    ("threshold", "overkill_rate", "overkill"),
    ("conformal", "coverage", "sets cover"),
    ("conformal", "unsure", "unsure"),
    ("novelty", "flagged", "flagged as novel"),
    ("novelty", "flagged_elsewhere", "flagged elsewhere"),
    ("calibration", "expected_calibration_error", "calibration error"),
)
"""Section and key in ``operating`` of evaluation.json and verify.json, and the column's title."""


def main() -> None:
    """Read the run, write the page and the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run whose stage `verify` has finished")
    parser.add_argument("--command", default=COMMAND, help="the build's command, for the page")
    parser.add_argument("--readme", type=Path, help="the page to write into")
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    run = RunFolder(options.run)
    lines = render(run)
    if options.readme is not None:
        shown = ["```", options.command, "```", "", *lines]
        write_section(options.readme, "operating-point", "Operating point", shown)
    notes = [line for line in lines if line and not line.startswith("|")]
    write_result(options.out, SUITE, options.command, figures_of(run), notes)


def measured_on(run: RunFolder) -> dict[str, Facts]:
    """What the operating point does: of the trained network, and of every file that can be run."""
    found: dict[str, Facts] = {NETWORK: facts_of(EvaluateRecord, run)["operating"]}
    for entry in facts_of(VerifyRecord, run)["variants"]:
        if entry["operating"] is not None:  # its outputs are not finite
            found[entry["variant"]] = entry["operating"]
    return found


def render(run: RunFolder) -> list[str]:
    """The table in Markdown, and in words how the point was chosen."""
    chosen = facts_of(CalibrateRecord, run)
    evaluation = facts_of(EvaluateRecord, run)
    measured = measured_on(run)
    columns = [c for c in RATES if _entry(measured[NETWORK], c) is not None]
    rows = [
        [who, *(percent(_entry(facts, column)) for column in columns)]
        for who, facts in measured.items()
    ]
    return [
        f"On {evaluation['images']} held-out images in {evaluation['groups']} groups; intervals "
        f"are {100 * evaluation['confidence']:g} %, resampled over groups.",
        "",
        *table(["file", *(title for _, _, title in columns)], rows),
        "",
        *_chosen_in_words(chosen),
        f"- Expected calibration error: on validation {_before_after(chosen['calibration'])}; "
        f"on the held-out images {_before_after(evaluation['operating']['calibration'])} "
        f"(temperature {chosen['temperature']:.3f}).",
        *(f"- {note}" for note in [*chosen.get("warnings", []), *chosen["notes"]]),
    ]


def figures_of(run: RunFolder) -> list[Facts]:
    """One figure for each file and rate; the rate that was limited carries its limit as a goal."""
    limits = _limits(run.recipe().operating)
    figures = []
    for who, facts in measured_on(run).items():
        for column in RATES:
            entry = _entry(facts, column)
            if entry is None or entry["value"] is None:
                continue
            _, key, title = column
            counted = {k: entry[k] for k in ("count", "images") if k in entry}
            one = figure(
                f"{who}, {title}",
                [100 * entry["value"]],
                unit="%",
                better="higher" if key in ("coverage", "flagged_elsewhere") else "lower",
                parameters=interval(entry, **counted),
            )
            if key in limits:
                goal = f"at most {100 * limits[key]:g} %"
                one |= {"goal": goal, "reached": entry["value"] <= limits[key]}
            figures.append(one)
    before = facts_of(EvaluateRecord, run)["operating"]["calibration"]["before"]
    error = before["expected_calibration_error"]
    name = f"{NETWORK}, calibration error without temperature"
    return [*figures, figure(name, [100 * error["value"]], unit="%", parameters=interval(error))]


def _entry(operating: Facts, column: tuple[str, str, str]) -> Facts | None:
    section, key, _ = column
    facts = operating.get(section)
    if not facts:
        return None
    # the trained network's calibration is told before and after the temperature
    facts = facts.get("after", facts)
    found: Facts | None = facts.get(key)
    return found


def _limits(config: OperatingConfig) -> dict[str, float]:
    limits = {"escape_rate": config.max_escape, "overkill_rate": config.max_overkill}
    return {key: limit for key, limit in limits.items() if limit is not None}


def _chosen_in_words(chosen: Facts) -> list[str]:
    lines = []
    threshold, conformal, novelty = (chosen[k] for k in ("threshold", "conformal", "novelty"))
    if threshold:
        rates = (
            f"on validation escape {percent(threshold['escape_rate'])}, "
            f"overkill {percent(threshold['overkill_rate'])}"
        )
        why = "the more probable class"
        if threshold["limit"] is not None:
            kind = threshold["chosen_for"].removeprefix("max_")
            why = (
                f"chosen for an {kind} rate of at most {100 * threshold['limit']:g} %: "
                f"{100 * threshold['upper_bound']:.2f} % at "
                f"{100 * threshold['bound_confidence']:g} % confidence"
            )
        lines.append(
            f"- A part counts as {threshold['defect']} from a probability of "
            f"{threshold['value']:.4f} on ({why}); {rates}."
        )
    if conformal:
        lines.append(
            f"- Unsure where the prediction set at {100 * conformal['coverage']:g} % coverage does "
            "not hold just one class."
        )
    if novelty:
        lines.append(
            f"- Novel beyond the score that {100 * novelty['quantile']:g} % of the validation "
            "images stay below."
        )
    return lines


def _before_after(calibration: Facts) -> str:
    before, after = (
        percent(calibration[when]["expected_calibration_error"]) for when in ("before", "after")
    )
    return f"{before} before, {after} after"


if __name__ == "__main__":
    main()
