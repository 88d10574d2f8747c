"""One training step as a penalty sees it, and the interface of a penalty.

A penalty is a term of the loss beside the task's own: the remedies against forgetting
(``train.keep``) and the teacher (``train.teacher``). :mod:`edgefit.train.loop.module` uses
only this interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from edgefit.train.network import EdgeNetwork


@dataclass(frozen=True)
class TrainingStep:
    """Inputs and outputs of the network in one step.

    Attributes:
        network: The network in training; its parameters are those before the step.
        frames_NHWC: ``uint8`` (N, H, W, 3) RGB, augmented, at input size, not mixed.
        images_NCHW: ``float32`` (N, 3, H', W') normalised, resized and mixed: the backbone's exact
            input.
        features_NF: (N, F), with gradient; in the precision of the training.
        logits_NC: (N, C), with gradient; in the precision of the training.
        targets_N: ``int64`` (N,) class of each frame, before mixing.
        epoch: Epoch of phase two, from 0.
        index: Step in the epoch, from 0; the same on every rank.
        seed: The training's seed; a penalty draws from (seed, epoch, index) only.
        rank: This training process, of ``world``.
        world: Number of training processes.
    """

    network: EdgeNetwork
    frames_NHWC: Tensor
    images_NCHW: Tensor
    features_NF: Tensor
    logits_NC: Tensor
    targets_N: Tensor
    epoch: int
    index: int
    seed: int
    rank: int = 0
    world: int = 1


@runtime_checkable
class Penalty(Protocol):
    """A term of the loss: ``penalty(step)`` is a scalar tensor that includes its weight.

    A penalty that is an ``nn.Module`` moves to the device with the network, and its state is part
    of the checkpoint. It must make its tensors on the device of ``step.images_NCHW``.

    Attributes:
        name: Column of the log, e.g. ``distill``; a word without spaces.
        learns: Parameters of its own that learn too, at the head's rate; often empty.
        main_share: Factor of the task's own loss beside this penalty; 1.0 does not change it.
        replaces_weight_decay: Whether the penalty switches off the backbone's weight decay.
    """

    name: str
    learns: list[nn.Parameter]
    main_share: float
    replaces_weight_decay: bool

    def __call__(self, step: TrainingStep) -> Tensor:
        """The penalty of one step, a scalar with gradient."""
        ...
