"""Fine-tuning against training from nothing by the number of images: from a run to its study.

::

    edgefit learning-curve runs/road-signs --against-scratch
    python -m benchmarks.finetune_vs_scratch runs/road-signs --readme docs/studies/road-signs.md

Trains nothing: it reads what the first command wrote, and writes the table, the drawing and
the result file that ``--out`` names.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.measuring import against, facts_of, figure, write_result
from benchmarks.readme import interval, percent, points, table, write_section
from edgefit.records.learning_curve import LearningCurveRecord
from edgefit.run import RunFolder
from edgefit.studies.learning_curve import FINE_TUNED, FOLDER, SCRATCH

SUITE = "finetune-vs-scratch"
COMMAND = "edgefit learning-curve RUN --against-scratch"
_TITLES = {FINE_TUNED: "fine-tuned", SCRATCH: "from random weights"}
Facts = dict[str, Any]


def main() -> None:
    """Read the learning curve, write the page and the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run that `edgefit learning-curve` finished")
    parser.add_argument("--readme", type=Path, help="the page to write into")
    parser.add_argument("--command", default=COMMAND, help="how the run was made, for the reader")
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    run = RunFolder(options.run)
    curve = facts_of(LearningCurveRecord, run)
    if not curve["advantage"]:
        raise SystemExit(f"the learning curve has one arm only; run `{COMMAND}`")
    if options.readme is not None:
        drawing = run.root / FOLDER / "learning-curve.svg"
        title = "Fine-tuning against training from nothing"
        shown = ["```", *options.command.split("; "), "```", "", *render(curve)]
        write_section(options.readme, "learning-curve", title, shown, drawing=drawing)
    notes = [f"{run.recipe().name}: {curve['test_images']} test images.", curve["rule"]]
    notes.append(curve["conclusion"])
    write_result(options.out, SUITE, options.command, figures_of(curve), notes)


def render(curve: Facts) -> list[str]:
    """The table in Markdown, with how it was measured."""
    metric = curve["metric"].replace("_", " ")
    header = ["training images", "epochs", *_TITLES.values(), "gain, points", "worst class"]
    return [
        f"{metric.capitalize()} on {curve['test_images']} held-out images in "
        f"{curve['test_groups']} groups, the same at every point; intervals are "
        f"{100 * curve['confidence']:g} %, resampled over groups, those of the gains paired.",
        "",
        *table(header, [_row(curve, entry) for entry in curve["advantage"]]),
        "",
        curve["rule"],
        "",
        f"Worst class: recall fine-tuned / from random weights. {curve['conclusion']}",
    ]


def figures_of(curve: Facts) -> list[Facts]:
    """Each point of both arms; those of fine-tuning held against the same images from nothing."""
    metric = curve["metric"]
    figures = []
    for entry in curve["advantage"]:
        tuned, scratch = (_figure(_point(curve, arm, entry["percent"]), metric) for arm in _TITLES)
        gain = {key: entry[key] for key in ("gain", "low", "high")}
        tuned["parameters"]["gain_in_points"] = {k: round(100 * v, 4) for k, v in gain.items()}
        if scratch["median"] > 0:
            tuned = against(tuned, scratch)
        goal = {"goal": "ahead of training from nothing", "reached": entry["gain"] > 0}
        figures += [tuned | goal, scratch]
    return figures


def _figure(point: Facts, metric: str) -> Facts:
    entry = point["metrics"][metric]
    return figure(
        f"{_TITLES[point['arm']]}, {point['percent']:g} % of the images, {metric}",
        [100 * entry["value"]],
        unit="%",
        better="higher",
        parameters=interval(entry, images=point["images"], epochs=point["epochs"]),
    )


def _row(curve: Facts, advantage: Facts) -> list[str]:
    tuned, scratch = (_point(curve, arm, advantage["percent"]) for arm in _TITLES)
    worst = " / ".join(_worst(point) for point in (tuned, scratch))
    return [
        f"{tuned['images']} ({advantage['percent']:g} %)",
        str(tuned["epochs"]),
        *(percent(point["metrics"][curve["metric"]]) for point in (tuned, scratch)),
        points(advantage),
        worst,
    ]


def _worst(point: Facts) -> str:
    worst = point["worst_class"]
    return f"{worst['label']} {100 * worst['recall']['value']:.0f} %"


def _point(curve: Facts, arm: str, share: float) -> Facts:
    found: Facts = next(p for p in curve["points"] if p["arm"] == arm and p["percent"] == share)
    return found


if __name__ == "__main__":
    main()
