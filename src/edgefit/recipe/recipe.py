"""All sections together, and what they require of each other."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from edgefit.recipe.data import DataConfig, InputConfig
from edgefit.recipe.results import (
    BenchmarkConfig,
    EvaluateConfig,
    ExportConfig,
    OperatingConfig,
    RetentionConfig,
    VerifyConfig,
)
from edgefit.recipe.section import Section
from edgefit.recipe.tasks import TASKS
from edgefit.recipe.training import ModelConfig, TrainConfig
from edgefit.spec import CLASSIFICATION, Enlarge, Task, known_task


class Recipe(Section):
    """Everything that controls a build; a YAML file holds the same keys.

    >>> import edgefit
    >>> recipe = edgefit.Recipe(name="line-3", train={"epochs": 5})
    >>> recipe.train.epochs, recipe.model.backbone
    (5, 'mobilenet_v2')
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    description: str = ""
    task: Annotated[Task, AfterValidator(known_task)] = CLASSIFICATION
    data: DataConfig = DataConfig()
    input: InputConfig = InputConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    retention: RetentionConfig = RetentionConfig()
    operating: OperatingConfig = OperatingConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    export: ExportConfig = ExportConfig()
    verify: VerifyConfig = VerifyConfig()
    benchmark: BenchmarkConfig = BenchmarkConfig()

    @property
    def enlarged_in_training(self) -> Enlarge:
        """How training images that are smaller than the input are enlarged."""
        way = self.train.enlarge
        return self.input.enlarge if way == "as-in-use" else Enlarge(way)

    @model_validator(mode="before")
    @classmethod
    def _default_metrics(cls, facts: Any) -> Any:
        """Fill in the metrics of the task where a recipe does not name them."""
        if not isinstance(facts, dict):
            return facts
        task = facts.get("task", CLASSIFICATION)
        if not isinstance(task, str) or task not in TASKS:
            return facts  # the field itself refuses it
        own = TASKS[Task(task)]
        defaults = {
            "train": {"metric": own.train_metrics[0]},
            "verify": {"metric": own.verify_metrics[0]},
        }
        sections = {name: facts.get(name, {}) for name in defaults}
        filled = {n: {**defaults[n], **s} for n, s in sections.items() if isinstance(s, dict)}
        return {**facts, **filled}

    @model_validator(mode="after")
    def _metrics_are_of_the_task(self) -> Recipe:
        task = TASKS[self.task]
        named = (
            ("train.metric", self.train.metric, task.train_metrics),
            ("verify.metric", self.verify.metric, task.verify_metrics),
        )
        for key, metric, known in named:
            if metric not in known:
                raise ValueError(
                    f"{key} is {metric!r}, which is not a metric of {self.task}; "
                    f"expected {' or '.join(known)}"
                )
        return self

    @model_validator(mode="after")
    def _replay_has_images(self) -> Recipe:
        if self.train.keep.replay and self.retention.general is None:
            raise ValueError("train.keep.replay needs retention.general, the folder to replay")
        return self

    @model_validator(mode="after")
    def _required_are_made(self) -> Recipe:
        if isinstance(self.verify.required, list):
            made = {str(v) for v in self.export.variants()}
            absent = sorted(set(self.verify.required) - made)
            if absent:
                raise ValueError(f"verify.required names {absent}, which export does not make")
        return self
