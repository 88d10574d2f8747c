"""The terms of the field as types, on the standard library and numpy; every room imports them."""

from edgefit.spec.input import Aspect, Damaged, Enlarge, Frame, InputSpec, JpegDecode
from edgefit.spec.labels import LabelMap
from edgefit.spec.links import Links
from edgefit.spec.predictions import ClassPrediction, Prediction
from edgefit.spec.rules import (
    RULES,
    UNSURE,
    ClassificationRule,
    ConformalRule,
    DefectThreshold,
    NoveltyRule,
    References,
    Rule,
)
from edgefit.spec.tasks import (
    CLASSIFICATION,
    FEATURE_VECTOR,
    OUTPUTS,
    PROBABILITIES,
    Outputs,
    OutputSpec,
    Task,
    known_task,
)
from edgefit.spec.truth import BoxTruth, ClassTruth, GoodTruth, MaskTruth, Truth
from edgefit.spec.variants import Engine, Precision, VariantKey, all_variant_names

__all__ = [
    "CLASSIFICATION",
    "FEATURE_VECTOR",
    "OUTPUTS",
    "PROBABILITIES",
    "RULES",
    "UNSURE",
    "Aspect",
    "BoxTruth",
    "ClassPrediction",
    "ClassTruth",
    "ClassificationRule",
    "ConformalRule",
    "Damaged",
    "DefectThreshold",
    "Engine",
    "Enlarge",
    "Frame",
    "GoodTruth",
    "InputSpec",
    "JpegDecode",
    "LabelMap",
    "Links",
    "MaskTruth",
    "NoveltyRule",
    "OutputSpec",
    "Outputs",
    "Precision",
    "Prediction",
    "References",
    "Rule",
    "Task",
    "Truth",
    "VariantKey",
    "all_variant_names",
    "known_task",
]
