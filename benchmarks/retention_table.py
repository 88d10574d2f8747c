"""Accuracy gained against general knowledge kept, by remedy: from a run to its study.

::

    edgefit retention runs/road-signs --general DIR --compare all
    python -m benchmarks.retention_table runs/road-signs --readme docs/studies/road-signs.md

Trains nothing: it reads what the first command wrote, and writes the table, the drawing and
the result file that ``--out`` names.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks.measuring import facts_of, figure, write_result
from benchmarks.readme import interval, percent, points, table, write_section
from edgefit.evaluate.retention import PROBE_TITLES
from edgefit.records.comparison import ComparisonRecord
from edgefit.run import RunFolder
from edgefit.stages.retention import STAGE
from edgefit.studies.remedies import NOTHING, PROBE

SUITE = "retention"
COMMAND = "edgefit retention RUN --general DIR --compare {arms}"
LEAST_KEPT, MOST_LOST = 0.95, 0.003
Facts = dict[str, Any]


def main() -> None:
    """Read the comparison, write the page and the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run that `edgefit retention --compare` finished")
    parser.add_argument("--readme", type=Path, help="the page to write into")
    parser.add_argument("--command", help="how the run was made, for the reader")
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    run = RunFolder(options.run)
    comparison = facts_of(ComparisonRecord, run)
    command = options.command or _command(comparison)
    if options.readme is not None:
        drawing = run.root / STAGE / "comparison.svg"
        title = "General knowledge kept"
        shown = ["```", *command.split("; "), "```", "", *render(comparison)]
        write_section(options.readme, "retention", title, shown, drawing=drawing)
    notes = [_images_in_words(comparison), verdict(comparison), *comparison["notes"]]
    write_result(options.out, SUITE, command, figures_of(comparison), notes)


def render(comparison: Facts) -> list[str]:
    """The table in Markdown, with how it was measured and what it says."""
    metric = comparison["metric"].replace("_", " ")
    header = ["setting", metric, "over none, points", "over probe, points"]
    header += [f"kept, {PROBE_TITLES[name]}" for name in PROBE_TITLES]
    return [
        _images_in_words(comparison),
        "",
        *table(header, [_row(arm, comparison["metric"]) for arm in comparison["arms"]]),
        "",
        "Kept is the accuracy of a probe on the backbone's features after training, divided by "
        f"that before ({_before_in_words(comparison)}). {verdict(comparison)}",
        *comparison["notes"],
    ]


def keeps_enough(arm: Facts) -> bool:
    """Whether a setting keeps the knowledge it should at the accuracy it should.

    It is held against plain full fine-tuning; the probe trains no backbone, so that keeping its
    knowledge is no merit.
    """
    gain = arm["over_none"]
    return (
        arm["name"] not in (NOTHING, PROBE)
        and arm["kept"]["linear"]["value"] >= LEAST_KEPT
        and gain is not None
        and gain["gain"] >= -MOST_LOST
    )


def verdict(comparison: Facts) -> str:
    """Which settings reach the goal, in a sentence."""
    enough = [arm["name"] for arm in comparison["arms"] if keeps_enough(arm)]
    goal = (
        f"{100 * LEAST_KEPT:g} % of the linear probe's accuracy kept, at no more than "
        f"{100 * MOST_LOST:g} points below plain full fine-tuning"
    )
    if enough:
        return f"Reached by {', '.join(enough)}: {goal}."
    return f"Reached by no setting: {goal}."


def figures_of(comparison: Facts) -> list[Facts]:
    """Accuracy and knowledge kept of each setting."""
    figures = []
    for arm in comparison["arms"]:
        metric = comparison["metric"]
        figures.append(_figure(f"{arm['name']}, {metric}", arm["metrics"][metric], arm))
        for name in PROBE_TITLES:
            one = _figure(f"{arm['name']}, kept by {PROBE_TITLES[name]}", arm["kept"][name], arm)
            if name == "linear" and arm["name"] not in (NOTHING, PROBE):
                one |= {"goal": _goal_in_words(), "reached": keeps_enough(arm)}
            figures.append(one)
    return figures


def _goal_in_words() -> str:
    return f"{100 * LEAST_KEPT:g} % kept, at most {100 * MOST_LOST:g} points of accuracy lost"


def _figure(name: str, entry: Facts, arm: Facts) -> Facts:
    parameters = interval(entry, settings=arm["settings"])
    samples = [100 * entry["value"]]
    return figure(name, samples, unit="%", better="higher", parameters=parameters)


def _row(arm: Facts, metric: str) -> list[str]:
    strengths = ", ".join(f"{key.removeprefix('train.')} {v}" for key, v in arm["settings"].items())
    return [
        arm["name"] + (f" ({strengths})" if strengths else ""),
        percent(arm["metrics"][metric]),
        points(arm["over_none"]),
        points(arm["over_probe"]),
        *(percent(arm["kept"][name]) for name in PROBE_TITLES),
    ]


def _images_in_words(comparison: Facts) -> str:
    return (
        f"{comparison['test_images']} held-out images in {comparison['test_groups']} groups; "
        f"general knowledge on {comparison['general_images']} images of "
        f"{comparison['general_classes']} everyday classes that training never saw, by the "
        f"{comparison['k']} nearest neighbours and by a linear probe. Intervals are "
        f"{100 * comparison['confidence']:g} %; those of gains and of what is kept are paired."
    )


def _before_in_words(comparison: Facts) -> str:
    before = comparison["arms"][0]["retention"]
    return ", ".join(f"{PROBE_TITLES[n]} {percent(before[n]['before'])}" for n in PROBE_TITLES)


def _command(comparison: Facts) -> str:
    return COMMAND.format(arms=",".join(arm["name"] for arm in comparison["arms"]))


if __name__ == "__main__":
    main()
