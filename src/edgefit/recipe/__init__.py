"""The recipe: a YAML file that controls a build. Each section is a model; unknown keys fail.

``data``, ``training`` and ``results`` hold the sections, and ``recipe`` combines them. ``files``
reads the file, applies ``--set key=value`` overrides and reports all problems at once. A resolved
recipe written by :func:`dump_recipe` reads back equal.
"""

from edgefit.recipe.data import DataConfig, InputConfig, SplitConfig
from edgefit.recipe.files import dump_recipe, load_recipe, make_recipe
from edgefit.recipe.recipe import Recipe
from edgefit.recipe.results import (
    BenchmarkConfig,
    EvaluateConfig,
    ExportConfig,
    OperatingConfig,
    RetentionConfig,
    VerifyConfig,
)
from edgefit.recipe.training import (
    EarlyStoppingConfig,
    InterpolationConfig,
    KeepConfig,
    MixingConfig,
    ModelConfig,
    ProbeConfig,
    ResizingConfig,
    TeacherConfig,
    TrainConfig,
)

__all__ = [
    "BenchmarkConfig",
    "DataConfig",
    "EarlyStoppingConfig",
    "EvaluateConfig",
    "ExportConfig",
    "InputConfig",
    "InterpolationConfig",
    "KeepConfig",
    "MixingConfig",
    "ModelConfig",
    "OperatingConfig",
    "ProbeConfig",
    "Recipe",
    "ResizingConfig",
    "RetentionConfig",
    "SplitConfig",
    "TeacherConfig",
    "TrainConfig",
    "VerifyConfig",
    "dump_recipe",
    "load_recipe",
    "make_recipe",
]
