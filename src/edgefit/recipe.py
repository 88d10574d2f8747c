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
    """Stop when ``train.metric`` on validation has not risen for ``patience`` epochs; 0 = never.

    A rise is one of more than ``min_delta``; the best epoch is kept whatever it rose by.
    """

    patience: int = Field(default=5, ge=0)
    min_delta: float = Field(default=0.0, ge=0)


class ProbeConfig(_Section):
    """Phase one: a linear head fitted on the features of the frozen backbone.

    Attributes:
        kind: ``logistic`` regression, ``nearest-mean`` class mean, or the better of the two in
            cross-validation (``auto``).
        views: Views of each training image whose features are computed: the image itself and
            ``views - 1`` augmented ones.
        strengths: Inverse regularisation strengths (C) tried for the logistic regression.
        folds: Folds of the cross-validation; groups are never divided.
    """

    kind: Literal["auto", "logistic", "nearest-mean"] = "auto"
    views: int = Field(default=1, ge=1, le=32)
    strengths: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = [
        0.0001,
        0.001,
        0.01,
        0.1,
        1.0,
    ]
    folds: int = Field(default=5, ge=2, le=20)


class ResizingConfig(_Section):
    """Progressive resizing: the first part of the epochs runs at a smaller size (fewer pixels).

    Attributes:
        share: Part of the epochs that run at the smaller size; 0 switches it off.
        scale: The smaller size as a part of the input's, rounded to a multiple of 16 pixels.
    """

    share: float = Field(default=0.0, ge=0, lt=1)
    scale: float = Field(default=0.67, ge=0.25, lt=1)


class MixingConfig(_Section):
    """Mixed images (mixup, Zhang 2018; CutMix, Yun 2019).

    Attributes:
        mixup: Alpha of mixup's Beta distribution; 0 switches it off.
        cutmix: Alpha of CutMix's; 0 switches it off. With both on, each batch draws one of them.
        probability: Share of the batches that are mixed at all.
    """

    mixup: float = Field(default=0.0, ge=0)
    cutmix: float = Field(default=0.0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)


class KeepConfig(_Section):
    """Remedies against forgetting, all off by default; ``freeze_stages`` is one more.

    Attributes:
        l2_sp: Strength of the pull back to the starting weights (L2-SP, Li 2018).
        distill: Weight of keeping the features of the starting network on the training images
            (learning without forgetting, Li & Hoiem 2016, on features since no old head exists).
        replay: Weight of going on classifying general images while training (rehearsal); needs
            ``retention.general``.
        replay_share: General images a step, as a share of the batch size.
    """

    l2_sp: float = Field(default=0.0, ge=0)
    distill: float = Field(default=0.0, ge=0)
    replay: float = Field(default=0.0, ge=0)
    replay_share: float = Field(default=0.25, gt=0, le=1)


class TeacherConfig(_Section):
    """Distillation from a larger network that was trained on the same classes (Hinton 2015).

    Attributes:
        run: The finished run folder of the teacher.
        weight: Share of the loss that comes from the teacher.
        temperature: Softens both networks' answers.
    """

    run: Path
    weight: float = Field(default=0.5, gt=0, le=1)
    temperature: float = Field(default=2.0, gt=0)


class InterpolationConfig(_Section):
    """The line between the probe-only and the fine-tuned weights (WiSE-FT, Wortsman 2022).

    Attributes:
        points: Points on the line that are evaluated on validation, both ends included; 0 switches
            it off.
        rule: ``best`` takes the best point; ``general`` the one nearest to the pretrained weights
            whose validation metric is at most ``tolerance`` below the best.
        tolerance: See ``rule``; on the metric's scale of 0 to 1.
    """

    points: int = Field(default=0, ge=0, le=51)
    rule: Literal["best", "general"] = "general"
    tolerance: float = Field(default=0.002, ge=0, lt=1)

    @field_validator("points")
    @classmethod
    def _both_ends(cls, points: int) -> int:
        if points == 1:
            raise ValueError("1 point is no line; 0 switches it off, 2 are both ends")
        return points


class TrainConfig(_Section):
    """Fine-tuning in two phases: a probe on frozen features, then all layers from its weights.

    Kumar et al. 2022 (https://arxiv.org/abs/2202.10054) show why in this order: a random head bends
    good features in the first steps.

    Attributes:
        mode: ``probe`` stops after phase one, ``full`` starts phase two from a random head,
            ``probe-then-full`` does both.
        probe: Phase one.
        epochs: Epochs of phase two.
        freeze_stages: How many of the backbone's stages stay frozen in phase two.
        batch_size: Images a step, over all training processes together.
        learning_rate: Peak rate of the head and of the last stage.
        layer_decay: Each stage nearer to the input learns at this share of the next one's rate.
        warmup_epochs: Length of the linear warm-up, at least a twentieth of all steps; 0 is off.
        batch_norm: ``frozen`` keeps the pretrained running statistics, ``learned`` adapts them;
            ``auto`` freezes them unless training starts from random weights.
        ema_decay: Decay a step of the average of the weights that is evaluated and kept; 0 is off.
        balance: ``class-weights`` weighs the loss by inverse frequency, ``effective-number`` by the
            effective number of images (Cui 2019), ``logit-adjustment`` shifts the logits by the log
            frequency (Menon 2021), ``sampler`` draws classes equally often.
        augment: A preset (``conveyor``, ``road-signs``, ``none``) or an albumentations YAML file.
        mix: Mixup and CutMix.
        resizing: Progressive resizing.
        keep: Remedies against forgetting.
        teacher: Distillation from another run's network.
        interpolation: Between the probe's and the fine-tuned weights, after training.
        metric: What early stopping and the choice of the best epoch look at, on validation.
        gap_warning: Warn in words when the metric on training images exceeds that on validation
            by this much.
        precision: lightning's precision; ``auto`` is 32 bit on CPU and mixed on GPU.
        accelerator: lightning's accelerator.
        devices: lightning's number of devices; ``auto`` takes all.
        workers: Threads that make batches ahead; ``auto`` fits the cores.
        cache_mb: Memory budget for decoded frames at input size.
        compile: ``torch.compile`` the network; see CONTRIBUTING.md for when it pays.
    """

    mode: Literal["probe", "full", "probe-then-full"] = "probe-then-full"
    probe: ProbeConfig = ProbeConfig()
    epochs: int = Field(default=12, ge=1)
    freeze_stages: int = Field(default=0, ge=0)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    layer_decay: float = Field(default=0.85, gt=0, le=1)
    weight_decay: float = Field(default=0.02, ge=0)
    warmup_epochs: float = Field(default=0.5, ge=0)
    batch_norm: Literal["auto", "frozen", "learned"] = "auto"
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    balance: Literal["none", "class-weights", "effective-number", "logit-adjustment", "sampler"] = (
        "none"
    )
    augment: str = "none"
    mix: MixingConfig = MixingConfig()
    resizing: ResizingConfig = ResizingConfig()
    keep: KeepConfig = KeepConfig()
    teacher: TeacherConfig | None = None
    interpolation: InterpolationConfig = InterpolationConfig()
    metric: Literal["accuracy", "balanced_accuracy", "macro_f1"] = "balanced_accuracy"
    early_stopping: EarlyStoppingConfig = EarlyStoppingConfig()
    gap_warning: float = Field(default=0.1, gt=0, le=1)
    seed: int = Field(default=0, ge=0)
    precision: LightningPrecision = "auto"
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    workers: Annotated[int, Field(ge=0)] | Literal["auto"] = "auto"
    cache_mb: int = Field(default=2048, ge=0)
    compile: bool = False

    def learns_batch_norm(self, weights: str) -> bool:
        """Whether batch-norm statistics adapt, for a training that starts from ``weights``."""
        if self.batch_norm == "auto":
            return weights == "none"
        return self.batch_norm == "learned"

    @model_validator(mode="after")
    def _modes_fit(self) -> TrainConfig:
        if self.interpolation.points and self.mode != "probe-then-full":
            raise ValueError("interpolation needs both ends: mode probe-then-full")
        idle = self.keep != KeepConfig() or self.teacher or self.freeze_stages
        if self.mode == "probe" and idle:
            raise ValueError("keep, teacher and freeze_stages have no effect in mode probe")
        return self


class RetentionConfig(_Section):
    """How much general knowledge the backbone keeps.

    Attributes:
        general: Folder of general images, one folder a class; None leaves the stage out.
        images_per_class: At most so many images of each class are measured.
        neighbours: k of the k-nearest-neighbour probe.
    """

    general: Path | None = None
    images_per_class: int = Field(default=40, ge=4)
    neighbours: int = Field(default=10, ge=1)


class OperatingConfig(_Section):
    """From probabilities to decisions; everything is chosen on validation.

    Attributes:
        temperature: Scale the logits so that confidence is the chance of being right (Guo 2017);
            the temperature becomes part of the graph.
        good: The class of good parts; the other one (two classes only) is the defect.
        max_escape: Largest share of defects let through; sets the threshold.
        max_overkill: Largest share of good parts rejected; sets the threshold instead.
        coverage: Answer ``unsure`` where split-conformal prediction at this coverage does not leave
            just one class.
        novelty: Score how far a picture lies from all training images, and flag those beyond
            ``novelty_quantile`` of validation.
        novelty_quantile: Share of validation pictures that count as known.
    """

    temperature: bool = True
    good: str | None = None
    max_escape: Fraction | None = None
    max_overkill: Fraction | None = None
    coverage: Fraction | None = None
    novelty: bool = True
    novelty_quantile: Fraction = 0.99

    @model_validator(mode="after")
    def _one_rate(self) -> OperatingConfig:
        if self.max_escape is not None and self.max_overkill is not None:
            raise ValueError("max_escape and max_overkill exclude each other; keep one")
        if (self.max_escape or self.max_overkill) is not None and self.good is None:
            raise ValueError("a threshold needs `good`, the class of good parts")
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
    retention: RetentionConfig = RetentionConfig()
    operating: OperatingConfig = OperatingConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    export: ExportConfig = ExportConfig()
    verify: VerifyConfig = VerifyConfig()
    benchmark: BenchmarkConfig = BenchmarkConfig()

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
