"""Figures as text: percentages with intervals, sizes, times, metric names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgefit.records.figures import Figure

Entry = Figure | Mapping[str, float | None]
"""A figure with its interval, of a record or of a manifest; None if it is not defined."""

UNKNOWN = "not defined"

METRICS: Mapping[str, tuple[str, str]] = {
    "accuracy": ("Accuracy", "share of images with the right answer"),
    "balanced_accuracy": (
        "Balanced accuracy",
        "share found in each class, averaged, so that rare classes count as much as common ones",
    ),
    "macro_f1": ("Macro F1", "balance of precision and recall, averaged over the classes"),
    "roc_auc": (
        "ROC-AUC",
        "chance that an image of the second class scores above one of the first; 100 % is perfect",
    ),
    "average_precision": (
        "Average precision",
        "precision of the second class, averaged over all thresholds",
    ),
    "expected_calibration_error": (
        "Calibration error",
        "mean gap between the stated confidence and the share that is right; 0 % is perfect",
    ),
}
"""Metric name -> its title and meaning."""


def metric_title(name: str) -> str:
    """The name of a metric as people write it."""
    return METRICS[name][0] if name in METRICS else name.replace("_", " ").capitalize()


def parts(entry: Entry) -> tuple[float | None, float | None, float | None]:
    """Value, lower and upper end of a figure."""
    if isinstance(entry, Figure):
        return entry.value, entry.low, entry.high
    return entry["value"], entry["low"], entry["high"]


def percent(share: float | None, digits: int = 1) -> str:
    """A share (0 to 1) as a percentage. Only exactly 1 gives 100 %."""
    if share is None:
        return UNKNOWN
    text = f"{share * 100:.{digits}f}"
    if share < 1 and float(text) == 100:
        text = f"{100 - 10**-digits:.{digits}f}"
    return f"{text} %"


def with_interval(entry: Entry) -> str:
    """``98.7 % (97.9 to 99.3 %)``; two decimals where the interval is narrower than 2 points."""
    value, low, high = parts(entry)
    if value is None:
        return UNKNOWN
    if low is None or high is None:
        return percent(value)
    digits = 2 if high - low < 0.02 else 1
    return f"{percent(value, digits)} ({percent(low, digits)[:-2]} to {percent(high, digits)})"


def between(entry: Entry) -> str:
    """``between 97.9 and 99.3 %``; empty if there is no interval."""
    _, low, high = parts(entry)
    if low is None or high is None:
        return ""
    digits = 2 if high - low < 0.02 else 1
    return f"between {percent(low, digits)[:-2]} and {percent(high, digits)}"


def points(drop: float | None, low: float | None = None, high: float | None = None) -> str:
    """A drop on the scale of 0 to 1 in percentage points, with its interval if there is one."""
    if drop is None:
        return UNKNOWN
    text = _signed(drop)
    if low is not None and high is not None:
        text += f" ({_signed(low)} to {_signed(high)})"
    return text


def _signed(share: float) -> str:
    rounded = round(share * 100, 2)
    return f"{rounded:+.2f}" if rounded else "0.00"


def size(count: int) -> str:
    """Bytes as MB (10^6) or kB."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def milliseconds(value: float | None) -> str:
    """A time with three significant digits."""
    if value is None:
        return "not measured"
    if 0 < value < 0.005:
        return "under 0.01 ms"
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} ms"


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 5 s`` or ``2 h 10 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters, the middle left out; ends tell class names apart."""
    if len(text) <= length:
        return text
    head = (length - 1) // 2
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


class Markdown(str):
    """Text that is already Markdown and must not be escaped again."""

    __slots__ = ()


_SPECIAL = re.compile(r"([\\`*\[\]#|~$])|(?<!\w)(_)|(_)(?!\w)")


def escape_markdown(value: Any) -> str:
    """Escape what Markdown or the HTML inside it would interpret; class names are user text."""
    if isinstance(value, Markdown):
        return value
    text = re.sub(r"\s+", " ", str(value))
    text = _SPECIAL.sub(lambda match: "\\" + match.group(0), text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
