"""Every metric once, in numpy: used on torch, onnxruntime and openvino outputs alike.

``classification`` holds the metrics themselves, ``intervals`` their uncertainty, ``evaluation``
the report of one set of outputs, ``groups`` its worst group, ``comparison`` that of two.
``calibration``, ``conformal``, ``operating`` and ``novelty`` hold the parts of an operating point,
``decisions`` what it does.
"""

from edgefit.metrics.classification import METRICS
from edgefit.metrics.comparison import disagreement, paired_drop
from edgefit.metrics.evaluation import evaluate, evaluate_by
from edgefit.metrics.groups import worst_group

__all__ = [
    "METRICS",
    "disagreement",
    "evaluate",
    "evaluate_by",
    "paired_drop",
    "worst_group",
]
