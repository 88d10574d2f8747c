"""Every metric once, in numpy: used on torch, onnxruntime and openvino outputs alike.

``classification`` holds the metrics themselves, ``intervals`` their uncertainty, ``evaluation``
the report of one set of outputs and ``comparison`` that of two.
"""

from edgefit.metrics.classification import METRICS
from edgefit.metrics.comparison import disagreement, paired_drop
from edgefit.metrics.evaluation import evaluate, evaluate_by

__all__ = ["METRICS", "disagreement", "evaluate", "evaluate_by", "paired_drop"]
