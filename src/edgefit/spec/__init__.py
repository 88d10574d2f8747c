"""The words of the field as types. Standard library and numpy only; everything imports this."""

from edgefit.spec.input import Aspect, Enlarge, Frame, InputSpec, JpegDecode
from edgefit.spec.labels import LabelMap
from edgefit.spec.predictions import Prediction
from edgefit.spec.rules import UNSURE, ConformalRule, DefectThreshold, NoveltyRule, OperatingPoint
from edgefit.spec.tasks import Task
from edgefit.spec.variants import Engine, Precision, VariantKey, all_variant_names

__all__ = [
    "UNSURE",
    "Aspect",
    "ConformalRule",
    "DefectThreshold",
    "Engine",
    "Enlarge",
    "Frame",
    "InputSpec",
    "JpegDecode",
    "LabelMap",
    "NoveltyRule",
    "OperatingPoint",
    "Precision",
    "Prediction",
    "Task",
    "VariantKey",
    "all_variant_names",
]
