"""Every metric once, in numpy: used on torch, onnxruntime and openvino outputs alike.

``classification`` holds the metrics themselves and ``intervals`` their uncertainty. ``evaluation``
measures one set of outputs, ``groups`` finds its worst group, ``comparison`` compares two sets, and
``reliability`` measures how honest the stated confidence is.
"""

from edgefit.metrics.classification import METRICS
from edgefit.metrics.comparison import disagreement, paired_drop
from edgefit.metrics.evaluation import evaluate
from edgefit.metrics.groups import worst_group

__all__ = [
    "METRICS",
    "disagreement",
    "evaluate",
    "paired_drop",
    "worst_group",
]
