"""Which network is trained, from which weights, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from edgefit.recipe.section import Section
from edgefit.spec.weights import IMAGENET, WeightsSource

LightningPrecision = Annotated[
    Literal["auto", "32", "16-mixed", "bf16-mixed", "64"],
    BeforeValidator(lambda value: str(value) if type(value) is int else value),  # YAML's 32
]


class ModelConfig(Section):
    """Which network is fine-tuned, and from which weights.

    Attributes:
        backbone: Id of a card in ``models/backbones``.
        weights: ``imagenet`` (downloaded once by torchvision), ``none`` (random start), or the path
            of a ``.pth`` or ``.safetensors`` file.
        dropout: Probability of dropping a feature before the head.
    """

    backbone: str = "mobilenet_v2"
    weights: str = IMAGENET
    dropout: float = Field(default=0.2, ge=0, lt=1)

    @property
    def start(self) -> WeightsSource:
        """``weights`` as an object."""
        return WeightsSource(self.weights)


class EarlyStoppingConfig(Section):
    """Stop when ``train.metric`` on validation has not risen for ``patience`` epochs; 0 = never.

    Only a rise of more than ``min_delta`` counts. ``train.keep_epoch`` says which epoch is kept.
    Epochs of progressive resizing that are smaller than the input do not count.
    """

    patience: int = Field(default=5, ge=0)
    min_delta: float = Field(default=0.0, ge=0)


class ProbeConfig(Section):
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


class ResizingConfig(Section):
    """Progressive resizing: the first part of the epochs runs at a smaller size (fewer pixels).

    These epochs are also measured at their size; none of them is kept or stops the training.

    Attributes:
        share: Part of the epochs that run at the smaller size; 0 switches it off.
        scale: The smaller size as a share of the input's, rounded to a multiple of 16 pixels.
    """

    share: float = Field(default=0.0, ge=0, lt=1)
    scale: float = Field(default=0.67, ge=0.25, lt=1)


class MixingConfig(Section):
    """Mixed images (mixup, Zhang 2018; CutMix, Yun 2019).

    Attributes:
        mixup: Alpha of mixup's Beta distribution; 0 switches it off.
        cutmix: Alpha of CutMix's Beta distribution; 0 switches it off. With both on, each batch
            draws one of them.
        probability: Share of the batches that are mixed.
    """

    mixup: float = Field(default=0.0, ge=0)
    cutmix: float = Field(default=0.0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)


class KeepConfig(Section):
    """Remedies against forgetting, all off by default; ``freeze_stages`` is one more.

    Attributes:
        l2_sp: Strength of the pull back to the starting weights (L2-SP, Li 2018).
        distill: Weight of keeping the features of the starting network on the training images
            (learning without forgetting, Li & Hoiem 2016; on features because there is no old
            head).
        replay: Weight of classifying general images during training (rehearsal); needs
            ``retention.general``.
        replay_share: General images per step, as a share of the batch size.
    """

    l2_sp: float = Field(default=0.0, ge=0)
    distill: float = Field(default=0.0, ge=0)
    replay: float = Field(default=0.0, ge=0)
    replay_share: float = Field(default=0.25, gt=0, le=1)


class TeacherConfig(Section):
    """Distillation from a larger network that was trained on the same classes (Hinton 2015).

    Attributes:
        run: The finished run folder of the teacher.
        weight: Share of the loss that comes from the teacher.
        temperature: Softens both networks' answers.
    """

    run: Path
    weight: float = Field(default=0.5, gt=0, le=1)
    temperature: float = Field(default=2.0, gt=0)


class InterpolationConfig(Section):
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
            raise ValueError("a line needs 2 points, its ends; 0 switches interpolation off")
        return points


class TrainConfig(Section):
    """Fine-tuning in two phases: a probe on frozen features, then all layers from its weights.

    Kumar et al. 2022 (https://arxiv.org/abs/2202.10054) explain the order: a random head distorts
    good features in the first steps.

    Attributes:
        mode: ``probe`` stops after phase one, ``full`` starts phase two from a random head,
            ``probe-then-full`` does both.
        probe: Phase one.
        epochs: Epochs of phase two.
        freeze_stages: How many of the backbone's stages stay frozen in phase two.
        batch_size: Images per step, over all training processes together.
        learning_rate: Peak rate of the head and of the last stage.
        final_rate: Share of the peak rate at which the cosine decay ends. A higher share with a
            slower average (``ema_decay`` closer to 1) averages weights that are further apart
            (stochastic weight averaging, Izmailov 2018).
        layer_decay: Each stage closer to the input learns at this share of the next stage's rate.
        clip_norm: Largest norm of the gradient over all parameters. A longer gradient is scaled
            down to it (Pascanu 2013), so one batch cannot throw the weights off. 0 is off.
        warmup_epochs: Length of the linear warm-up, at least a twentieth of all steps; 0 is off.
        batch_norm: ``frozen`` keeps the pretrained running statistics, ``learned`` adapts them;
            ``auto`` freezes them unless training starts from random weights.
        ema_decay: Decay per step of the average of the weights, which is evaluated and kept; 0 is
            off. A warm-up limits its time constant to about a ninth of the steps so far.
        balance: ``class-weights`` weights the loss by inverse frequency, ``effective-number`` by
            effective number of images (Cui 2019), ``logit-adjustment`` shifts the logits by the log
            frequency (Menon 2021), ``sampler`` draws classes equally often,
            ``square-root-sampler`` in proportion to the root of their number of images (Mahajan
            2018). With any of these, the probe weights each class alike.
        augment: A preset (``conveyor``, ``road-signs``, ``none``) or an albumentations YAML file.
        enlarge: How training images that are smaller than the input are enlarged: ``bilinear``,
            ``lanczos``, or ``as-in-use``, which follows ``input.enlarge``. Softer images in
            training than in use can mean fewer mistakes (docs/studies/road-signs.md). This applies
            to the probe, to all batches and to recomputed batch-norm statistics. All measurements,
            including those on training images, enlarge as in use.
        mix: Mixup and CutMix.
        resizing: Progressive resizing.
        keep: Remedies against forgetting.
        teacher: Distillation from another run's network.
        interpolation: Between the probe's and the fine-tuned weights, after training.
        metric: The validation metric that early stopping and the choice of the epoch use; one of
            the task's.
        keep_epoch: The epoch whose weights are kept. ``within-error`` keeps the latest epoch that
            is at most one standard error below the best on validation, so that luck with an image
            or two does not decide. ``best`` keeps the best epoch, ``last`` the last. Epochs of
            progressive resizing that are smaller than the input do not qualify.
        gap_warning: Warn when the metric on training images exceeds that on validation by this
            much.
        precision: lightning's precision; ``auto`` is 32 bit on CPU and mixed on GPU.
        accelerator: lightning's accelerator.
        devices: lightning's number of devices; ``auto`` takes all.
        workers: Threads that prepare batches in advance, or processes with an NVIDIA GPU (0.6 GB
            in all, and a little for each). 0 prepares each batch on demand; ``auto`` uses the
            number of cores.
        cache_mb: Memory budget for decoded frames at input size. Before a GPU trains, the frames
            move to shared memory, which takes twice the memory for some seconds.
        compile: ``torch.compile`` the network; see docs/decisions for when it pays.
    """

    mode: Literal["probe", "full", "probe-then-full"] = "probe-then-full"
    probe: ProbeConfig = ProbeConfig()
    epochs: int = Field(default=12, ge=1)
    freeze_stages: int = Field(default=0, ge=0)
    batch_size: int = Field(default=32, ge=1)
    learning_rate: float = Field(default=3e-4, gt=0)
    final_rate: float = Field(default=0.01, ge=0, le=1)
    layer_decay: float = Field(default=0.85, gt=0, le=1)
    weight_decay: float = Field(default=0.02, ge=0)
    clip_norm: float = Field(default=0.0, ge=0)
    warmup_epochs: float = Field(default=0.5, ge=0)
    batch_norm: Literal["auto", "frozen", "learned"] = "auto"
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    balance: Literal[
        "none",
        "class-weights",
        "effective-number",
        "logit-adjustment",
        "sampler",
        "square-root-sampler",
    ] = "none"
    augment: str = "none"
    enlarge: Literal["as-in-use", "bilinear", "lanczos"] = "as-in-use"
    mix: MixingConfig = MixingConfig()
    resizing: ResizingConfig = ResizingConfig()
    keep: KeepConfig = KeepConfig()
    teacher: TeacherConfig | None = None
    interpolation: InterpolationConfig = InterpolationConfig()
    metric: str = "balanced_accuracy"
    keep_epoch: Literal["within-error", "best", "last"] = "within-error"
    early_stopping: EarlyStoppingConfig = EarlyStoppingConfig()
    gap_warning: float = Field(default=0.1, gt=0, le=1)
    seed: int = Field(default=0, ge=0)
    precision: LightningPrecision = "auto"
    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    devices: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    workers: Annotated[int, Field(ge=0, le=256)] | Literal["auto"] = "auto"
    cache_mb: int = Field(default=2048, ge=0)
    compile: bool = False

    def learns_batch_norm(self, start: WeightsSource) -> bool:
        """Whether batch-norm statistics adapt, for a training with this start."""
        if self.batch_norm == "auto":
            return start.is_random
        return self.batch_norm == "learned"

    @model_validator(mode="after")
    def _modes_fit(self) -> TrainConfig:
        if self.interpolation.points and self.mode != "probe-then-full":
            raise ValueError("interpolation needs both ends: mode probe-then-full")
        idle = self.keep != KeepConfig() or self.teacher or self.freeze_stages
        if self.mode == "probe" and idle:
            raise ValueError("keep, teacher and freeze_stages have no effect in mode probe")
        return self
