"""Drawings of results, speed and size. Each takes plain figures and returns an inline ``<svg>``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from edgefit.metrics.classification import CALIBRATION_BINS
from edgefit.report.row import Row
from edgefit.report.svg import (
    ACCENT,
    BAD,
    GRID,
    INK,
    MUTED,
    ON_ACCENT,
    draw,
)
from edgefit.report.words import milliseconds, shortened, size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 440
_MOST_CELL_NUMBERS = 60
_LONGEST_TAIL = 3


def confusion(confusion_CC: Sequence[Sequence[int]], labels: Sequence[str]) -> Markup:
    """Heat map of truth (rows) against answers (columns), shaded by the share of its row.

    Right answers and mistakes have their own colours; empty cells stay empty.
    """
    counts = np.asarray(confusion_CC, dtype=np.int64)
    classes = len(labels)
    cell = 64 if classes <= 4 else 44 if classes <= 10 else 19 if classes <= 60 else 900 / classes
    named = cell >= 9
    longest = 22 if classes <= 10 else 14
    names = [shortened(name, longest) for name in labels]
    font = 11 if cell >= 40 else min(9.0, cell * 0.55)
    margin = max(len(n) for n in names) * font * 0.62 + 40 if named else 40
    side = cell * classes + margin

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        _paint_cells(axes, counts, font if classes <= _MOST_CELL_NUMBERS else None)
        axes.set_xlim(-0.5, classes - 0.5)
        axes.set_ylim(classes - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.grid(visible=False)
        ticks = range(classes) if named else []
        upright = 0 if classes <= 4 and max(len(n) for n in names) <= 11 else 90
        axes.set_xticks(ticks, names if named else [], rotation=upright, fontsize=font)
        axes.set_yticks(ticks, names if named else [], fontsize=font)
        axes.set_xlabel("answer")
        axes.set_ylabel("truth")

    return draw("confusion", "Confusion matrix, truth by answer", side, side, paint)


def _paint_cells(axes: Axes, counts: NDArray[np.int64], font: float | None) -> None:
    from matplotlib.patches import Rectangle

    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row, column in np.argwhere(counts > 0).tolist():
        right = row == column
        depth = 0.12 + 0.88 * share[row, column] if right else 0.2 + 0.8 * share[row, column]
        axes.add_patch(
            Rectangle(
                (column - 0.48, row - 0.48), 0.96, 0.96,
                facecolor=ACCENT if right else BAD, alpha=depth, linewidth=0,
            )
        )  # fmt: skip
        if font is not None:
            colour = ON_ACCENT if depth > 0.6 else INK
            axes.text(
                column, row, f"{counts[row, column]}", color=colour, fontsize=font,
                ha="center", va="center",
            )  # fmt: skip


def reliability(confidence_N: NDArray[np.float32], right_N: NDArray[np.bool_]) -> Markup:
    """Reliability diagram over 15 equal bins (Guo et al. 2017, fig. 1), with the bins' counts."""
    from matplotlib.ticker import FuncFormatter

    bins = np.ceil(confidence_N * CALIBRATION_BINS).astype(np.int64) - 1
    bins = bins.clip(0, CALIBRATION_BINS - 1)
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    used = count > 0
    stated = np.bincount(bins, confidence_N, CALIBRATION_BINS)[used] / count[used]
    true = np.bincount(bins, right_N, CALIBRATION_BINS)[used] / count[used]

    def paint(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        upper.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        upper.vlines(stated * 100, stated * 100, true * 100, color=BAD, linewidth=2)
        upper.plot(stated * 100, true * 100, "o", color=ACCENT, markersize=6)
        upper.set_xlim(0, 102)
        upper.set_ylim(0, 102)
        upper.set_title("Right answers, %")
        width = 100 / CALIBRATION_BINS
        centres = (np.flatnonzero(used) + 0.5) * width
        lower.bar(centres, count[used], width=width * 0.86, color=ACCENT, linewidth=0)
        lower.set_yscale("symlog", linthresh=1)
        lower.yaxis.set_major_formatter(FuncFormatter(lambda images, _: f"{images:g}"))
        lower.set_ylim(bottom=0)
        lower.set_title("Images")
        lower.set_xlabel("stated confidence, %")

    return draw("reliability", "Share of right answers by stated confidence", _WIDTH, 400, paint)


def latency(entries: Sequence[Row], recommended: str) -> Markup:
    """Latency of each variant: a bar to the median, whiskers to p90 and p99.

    A whisker that would squeeze the bars ends in an arrow, with its p99 as text.

    Args:
        entries: ``name``, ``p50``, ``p90``, ``p99`` (ms; None where not measured), fastest first.
        recommended: Name of the variant that is drawn in full colour.
    """
    tails = [[e[p] for p in ("p50", "p90", "p99") if e[p] is not None] for e in entries]
    reach = min(max(map(max, tails)), _LONGEST_TAIL * max(e["p50"] for e in entries))

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        for row, (entry, tail) in enumerate(zip(entries, tails, strict=True)):
            _whiskers(axes, row, tail, reach)
            note = "" if tail[-1] <= reach else f", p99 {milliseconds(tail[-1])}"
            _beside(axes, min(tail[-1], reach), row, milliseconds(entry["p50"]) + note)
        _bars(axes, entries, [e["p50"] for e in entries], recommended)
        axes.set_title("Latency of one image: median, with ticks at p90 and p99")
        axes.set_xlabel("milliseconds")
        axes.set_xlim(0, 1.6 * reach)

    height = 90 + 34 * len(entries)
    return draw("latency", "Latency of each variant", _WIDTH, height, paint)


def _whiskers(axes: Axes, row: int, tail: Sequence[float], reach: float) -> None:
    """A line from the median to the last percentile, or an arrow to the end of the drawing."""
    axes.hlines(row, tail[0], min(tail[-1], reach), color=MUTED, linewidth=1.2, zorder=3)
    shown = [value for value in tail[1:] if value <= reach]
    axes.plot(shown, [row] * len(shown), "|", color=MUTED, markersize=9, zorder=3)
    if tail[-1] > reach:
        axes.plot([reach], [row], ">", color=MUTED, markersize=5, zorder=3)


def sizes(entries: Sequence[Row], recommended: str) -> Markup:
    """Bytes of each variant: ``name``, ``bytes``."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        megabytes = [entry["bytes"] / 1e6 for entry in entries]
        for row, entry in enumerate(entries):
            _beside(axes, megabytes[row], row, size(entry["bytes"]))
        _bars(axes, entries, megabytes, recommended)
        axes.set_title("Size of the model files")
        axes.set_xlabel("MB")
        axes.set_xlim(0, 1.25 * max(megabytes))

    height = 90 + 34 * len(entries)
    return draw("sizes", "Size of each variant", _WIDTH, height, paint)


def _beside(axes: Axes, x: float, row: int, text: str) -> None:
    axes.annotate(text, (x, row), xytext=(7, 0), textcoords="offset points", va="center")


def _bars(axes: Axes, entries: Sequence[Row], lengths: Sequence[float], recommended: str) -> None:
    for row, (entry, length) in enumerate(zip(entries, lengths, strict=True)):
        alpha = 1.0 if entry["name"] == recommended else 0.45
        axes.barh(row, length, height=0.56, color=ACCENT, alpha=alpha, linewidth=0)
    axes.set_yticks(range(len(entries)), [entry["name"] for entry in entries])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_color(GRID)
