"""The recipe: a YAML file that says all that a build does. One model per stage; unknown keys fail.

``load_recipe`` reads the file, applies ``--set key=value`` overrides and reports every problem at
once, each with its dotted key. A resolved recipe written by :func:`dump_recipe` reads back equal.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from edgefit.errors import RecipeError
from edgefit.spec import Aspect, Engine, InputSpec, JpegDecode, Precision, Task, VariantKey

Fraction = Annotated[float, Field(gt=0, lt=1)]
LightningPrecision = Literal["auto", "32", "16-mixed", "bf16-mixed", "64"]
MetricName = Literal["accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "average_precision"]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False
    )


class SplitConfig(_Section):
    """How images are divided. Splits that the data states are kept; missing ones are drawn."""

    validation: Fraction = 0.15
    test: Fraction = 0.2
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _leave_room_for_training(self) -> SplitConfig:
        if self.validation + self.test >= 0.9:
            raise ValueError("validation + test must leave at least 10 % for training")
        return self


class DataConfig(_Section):
    """Where the labelled images are and how they belong together.

    Attributes:
        root: Folder of images, or a CSV file. Usually given as ``--data``.
        format: ``auto`` takes ``csv`` for a CSV file or when ``csv`` is set, else ``folder``.
        csv: Name of a CSV file inside ``root``.
        include: Glob patterns on the path relative to ``root``; empty means every image.
        exclude: Glob patterns left out after ``include``.
        classes: The class list in output order; default is all classes found, sorted.
        group: Regular expression searched in the relative path: its captured groups (or the whole
            match) name the group of images that must not be split apart.
        group_column: The same from a CSV column.
        leaks: ``drop`` leaves images out of train whose very pixels are held out in val or test
            (and out of val what is in test), says so and lists them; ``keep`` leaves them in.
        split: Fractions and seed of the split.
    """

    root: Path | None = None
    format: Literal["auto", "folder", "csv"] = "auto"
    csv: str | None = None
    include: list[str] = []
    exclude: list[str] = []
    classes: list[str] | None = None
    group: str | None = None
    group_column: str | None = None
    leaks: Literal["drop", "keep"] = "drop"
    split: SplitConfig = SplitConfig()

    @field_validator("group")
    @classmethod
    def _must_compile(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"is not a regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _one_group_source(self) -> DataConfig:
        if self.group and self.group_column:
            raise ValueError("group and group_column exclude each other; keep one")
        return self


class InputConfig(_Section):
    """Size and shape policy of the network's input; the rest comes from the backbone's card."""

    width: int = Field(default=224, ge=8, le=4096)
    height: int = Field(default=224, ge=8, le=4096)
    aspect: Aspect = Aspect.STRETCH
    pad_value: int = Field(default=114, ge=0, le=255)
    jpeg_decode: JpegDecode = JpegDecode.EXACT

    def to_spec(self, mean: Sequence[float], std: Sequence[float]) -> InputSpec:
        """The full input contract, with the normalisation the backbone was trained with."""
        return InputSpec(
            **self.model_dump(),
            mean=(mean[0], mean[1], mean[2]),
            std=(std[0], std[1], std[2]),
        )


class ModelConfig(_Section):
    """Which network is fine-tuned and from what.

    Attributes:
        backbone: Id of a card in ``models/backbones``.
        weights: ``imagenet`` (downloaded once by torchvision), ``none`` (random start), or the path
            of a ``.pth`` or ``.safetensors`` file.
        dropout: Probability of dropping a feature before the head.
    """

    backbone: str = "mobilenet_v2"
    weights: str = "imagenet"
    dropout: float = Field(default=0.2, ge=0, lt=1)


class EarlyStoppingConfig(_Section):
    """Stop when ``train.metric`` on validation has not risen for ``patience`` epochs; 0 = never."""

    patience: int = Field(default=5, ge=0)
    min_delta: float = Field(default=0.0, ge=0)


class TrainConfig(_Section):
    """Fine-tuning: first the head on a frozen backbone, then all layers at a lower rate.

    Attributes:
        epochs: Epochs in all, ``head_epochs`` of them with the backbone frozen.
        freeze_stages: How many of the backbone's stages stay frozen in the second phase too.
        learning_rate: Peak rate of the backbone in the second phase.
        head_learning_rate: Peak rate of the head in the first phase.
        warmup_epochs: Length of the linear warm-up at the start of the second phase.
        balance: ``class-weights`` weighs the loss, ``sampler`` draws classes equally often.
        augment: A preset (``conveyor``, ``road-signs``, ``none``) or an albumentations YAML file.
        metric: What early stopping and the choice of the best epoch look at, on validation.
        precision: lightning's precision; ``auto`` is 32 bit on CPU and mixed on GPU.
        accelerator: lightning's accelerator.
        devices: lightning's number of devices; ``auto`` takes all.
        workers: Threads that make batches ahead; ``auto`` is none on two cores or fewer.
        cache_mb: Memory budget for decoded frames at input size.
    """

    epochs: int = Field(default=12, ge=1)
    head_epochs: int = Field(default=1, ge=0)
    freeze_stages: int = Field(default=0, ge=0)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    head_learning_rate: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=0.02, ge=0)
    warmup_epochs: float = Field(default=0.5, ge=0)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    balance: Literal["none", "class-weights", "sampler"] = "none"
    augment: str = "none"
    metric: Literal["accuracy", "balanced_accuracy", "macro_f1"] = "balanced_accuracy"
    early_stopping: EarlyStoppingConfig = EarlyStoppingConfig()
    seed: int = Field(default=0, ge=0)
    precision: LightningPrecision = "auto"
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    cache_mb: int = Field(default=2048, ge=0)

    @model_validator(mode="after")
    def _phases_fit(self) -> TrainConfig:
        if self.head_epochs > self.epochs:
            raise ValueError("head_epochs must not exceed epochs")
        return self


class EvaluateConfig(_Section):
    """Intervals and break-downs of the results.

    Attributes:
        resamples: Bootstrap resamples, drawn over groups.
        confidence: Level of the intervals.
        by: Columns to break results down by: ``group`` or a column of the CSV.
    """

    resamples: int = Field(default=1000, ge=100)
    confidence: Fraction = 0.95
    by: list[str] = []


class ExportConfig(_Section):
    """Which variants are made, and how int8 is calibrated."""

    engines: list[Engine] = [Engine.ONNXRUNTIME, Engine.OPENVINO]
    precisions: list[Precision] = [Precision.FP32, Precision.FP16, Precision.INT8]
    opset: int = Field(default=18, ge=18, le=23)
    calibration_images: int = Field(default=300, ge=8)
    golden_frames: int = Field(default=8, ge=1, le=64)

    @field_validator("engines", "precisions")
    @classmethod
    def _not_empty_not_twice(cls, values: list[Any]) -> list[Any]:
        if not values or len(set(values)) != len(values):
            raise ValueError("must name at least one, each once")
        return values

    def variants(self) -> list[VariantKey]:
        """Every engine at every precision asked for."""
        return [VariantKey(e, p) for e in self.engines for p in self.precisions]


class VerifyConfig(_Section):
    """What a variant must fulfil to enter the bundle.

    Attributes:
        metric: The metric whose drop is bounded.
        max_drop: Largest allowed drop of ``metric`` against the trained network, in percentage
            points.
        batch_sizes: Batch sizes at which every held-out image is run.
        required: Variants (``engine/precision``) without which the build fails, ``all``, or
            ``any`` (at least one must pass).
    """

    metric: MetricName = "accuracy"
    max_drop: float = Field(default=0.5, ge=0, le=100)
    batch_sizes: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [1, 3]
    required: list[str] | Literal["all", "any"] = "any"

    @field_validator("required")
    @classmethod
    def _known_variants(cls, required: list[str] | str) -> list[str] | str:
        if isinstance(required, list):
            for name in required:
                engine, _, precision = name.partition("/")
                if engine not in set(Engine) or precision not in set(Precision):
                    raise ValueError(f"{name!r} is no variant; write engine/precision")
        return required


class BenchmarkConfig(_Section):
    """How latency is measured on this machine."""

    seconds: float = Field(default=2.0, gt=0)
    rounds: int = Field(default=3, ge=1)
    threads: int | None = Field(default=None, ge=1)


class Recipe(_Section):
    """All that a build does."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    description: str = ""
    task: Task = Task.CLASSIFICATION
    data: DataConfig = DataConfig()
    input: InputConfig = InputConfig()
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    export: ExportConfig = ExportConfig()
    verify: VerifyConfig = VerifyConfig()
    benchmark: BenchmarkConfig = BenchmarkConfig()

    @model_validator(mode="after")
    def _required_are_made(self) -> Recipe:
        if isinstance(self.verify.required, list):
            made = {str(v) for v in self.export.variants()}
            absent = sorted(set(self.verify.required) - made)
            if absent:
                raise ValueError(f"verify.required names {absent}, which export does not make")
        return self


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, but a key that stands twice is an error; the last would win silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({str(k) for k in keys if keys.count(k) > 1})
        if twice:
            problem = f"the key {twice[0]!r} stands twice"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep)


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply ``key=value`` overrides (values are YAML).

    Raises:
        RecipeError: The file is missing or no YAML mapping, or keys are unknown or values wrong;
            all problems are listed.
    """
    path = Path(path)
    if not path.is_file():
        raise RecipeError(
            "The recipe does not exist.",
            path=path,
            expected="a YAML file",
            remedy="start from one of the recipes in models/, e.g. conveyor-quality/recipe.yaml",
        )
    try:
        facts = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(
            "The recipe is not valid YAML.",
            path=path,
            expected="`key: value` lines, nested by indentation",
            found=str(error),
            remedy="correct the line named above",
        ) from error
    if not isinstance(facts, dict):
        raise RecipeError(
            "The recipe is not a mapping.",
            path=path,
            expected="`key: value` lines",
            found=type(facts).__name__,
        )
    return make_recipe(facts, overrides, source=path)


def make_recipe(
    facts: Mapping[str, Any], overrides: Sequence[str] = (), *, source: Path | None = None
) -> Recipe:
    """Build a recipe from plain data, as :func:`load_recipe` does from a file."""
    merged = _deep_copy(facts)
    for override in overrides:
        _apply_override(merged, override)
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        problems = [_describe(issue) for issue in error.errors()]
        raise RecipeError(
            f"The recipe has {len(problems)} problem{'s' * (len(problems) > 1)}.",
            problems=problems,
            path=source,
            remedy="correct the keys above; CONTRIBUTING.md and models/ show complete recipes",
        ) from None


def dump_recipe(recipe: Recipe, path: Path) -> None:
    """Write the resolved recipe; :func:`load_recipe` reads it back equal."""
    facts = recipe.model_dump(mode="json")
    path.write_text(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _deep_copy(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _deep_copy(v) if isinstance(v, Mapping) else v for k, v in facts.items()}


def _apply_override(facts: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    if not equals or not dotted:
        raise RecipeError(
            "An override is not of the form key=value.",
            expected="--set train.epochs=5",
            found=override,
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(
            "An override's value is not YAML.",
            key=dotted,
            expected="a YAML value, e.g. 5, true, [1, 3] or a word",
            found=f"{text!r}: {error}",
        ) from error
    *sections, last = dotted.split(".")
    for section in sections:
        inner = facts.setdefault(section, {})
        if not isinstance(inner, dict):
            raise RecipeError(
                "An override goes into a value, not a section.",
                key=dotted,
                expected="section.key=value, e.g. train.epochs=5",
            )
        facts = inner
    facts[last] = value


def _describe(issue: Any) -> str:
    dotted = ".".join(str(part) for part in issue["loc"]) or "recipe"
    if issue["type"] == "extra_forbidden":
        close = difflib.get_close_matches(dotted, list(_all_keys(Recipe)), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return f"{dotted}: unknown key{hint}"
    if issue["type"] == "missing":
        return f"{dotted}: missing"
    return f"{dotted}: {issue['msg']} (found {issue['input']!r:.120})"


def _all_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield prefix + name
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _all_keys(info.annotation, f"{prefix}{name}.")
