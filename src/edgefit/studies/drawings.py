"""Drawings of comparisons between runs, each as SVG (for pages) and PNG (for everything else)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgefit.records.comparison import ComparisonRecord
from edgefit.records.figures import Figure
from edgefit.records.learning_curve import CurvePoint, LearningCurveRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, GRID = "#1f2933", "#d8dee6"
COLOURS = ("#1467b8", "#c2571a", "#2f8f4e", "#8a4fb0", "#b03a5b", "#6b7280", "#0e7c86", "#a37f10")
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "edgefit",
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "text.parse_math": False,
}
_ARM_TITLES = {"finetune": "fine-tuned", "scratch": "from random weights"}


def draw_learning_curve(folder: Path, curve: LearningCurveRecord) -> list[str]:
    """The metric by the number of training images, one line per arm, with bars for the intervals.

    Args:
        folder: Where ``learning-curve.svg`` and ``.png`` are written.
        curve: What was measured.

    Returns:
        Names of the files written.
    """
    metric = curve.metric

    def paint(axes: Axes) -> None:
        for number, arm in enumerate(dict.fromkeys(p.arm for p in curve.points)):
            points = [p for p in curve.points if p.arm == arm]
            _with_intervals(
                axes,
                [p.images for p in points],
                [p.metrics[metric] for p in points],
                label=_ARM_TITLES.get(arm, arm),
                colour=COLOURS[number],
            )
        _image_ticks(axes, curve.points)
        axes.set_title(f"{_title(metric)} on {curve.test_images} test images, %")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)  # off the intervals

    return _save(folder, "learning-curve", paint)


def draw_comparison(folder: Path, comparison: ComparisonRecord) -> list[str]:
    """Accuracy on the task by general knowledge kept, one point per arm; up and right is better.

    Args:
        folder: Where ``comparison.svg`` and ``.png`` are written.
        comparison: What was measured.

    Returns:
        Names of the files written.
    """
    metric = comparison.metric

    def paint(axes: Axes) -> None:
        for number, arm in enumerate(comparison.arms):
            kept, figure = arm.kept.linear, arm.metrics[metric]
            if kept.value is None or figure.value is None:  # there was nothing to keep
                continue
            axes.errorbar(
                100 * kept.value,
                100 * figure.value,
                xerr=_spread(kept),
                yerr=_spread(figure),
                fmt="o",
                color=COLOURS[number % len(COLOURS)],
                elinewidth=0.8,
                label=arm.name,
            )
        axes.set_xlabel("general knowledge kept (linear probe after / before), %")
        axes.set_title(f"{_title(metric)} on {comparison.test_images} test images, %")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _save(folder, "comparison", paint)


def _with_intervals(
    axes: Axes, x: Sequence[float], figures: Sequence[Figure], *, label: str, colour: str
) -> None:
    spreads = [_spread(figure) for figure in figures]
    axes.errorbar(
        x,
        [100 * (figure.value or 0.0) for figure in figures],
        yerr=[[s[side][0] for s in spreads] for side in (0, 1)],
        fmt="-o",
        color=colour,
        markersize=4,
        capsize=3,
        elinewidth=1,
        label=label,
    )


def _spread(figure: Figure) -> list[list[float]]:
    """Distances from a value down and up to its interval, in percent, as matplotlib takes them."""
    value = figure.value or 0.0
    low = value if figure.low is None else figure.low
    high = value if figure.high is None else figure.high
    return [[max(0.0, 100 * (value - low))], [max(0.0, 100 * (high - value))]]


def _image_ticks(axes: Axes, points: Sequence[CurvePoint]) -> None:
    from matplotlib.ticker import NullLocator

    shares = {p.images: p.percent for p in points}
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(list(shares), [f"{n}\n{share:g} %" for n, share in shares.items()])
    axes.set_xlabel("training images")


def _title(metric: str) -> str:
    return metric.replace("_", " ").capitalize()


def _save(folder: Path, name: str, paint: Callable[[Axes], None]) -> list[str]:
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Sheet

    written = []
    with matplotlib.rc_context(_STYLE):
        sheet = Sheet(figsize=(7, 4.2), layout="constrained")
        FigureCanvasAgg(sheet)
        paint(sheet.add_subplot())
        for ending, facts in (("svg", {"Date": None}), ("png", {"Software": None})):
            target = folder / f"{name}.{ending}"
            sheet.savefig(target, format=ending, dpi=150, metadata=facts)
            written.append(target.name)
    return written
