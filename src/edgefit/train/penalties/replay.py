"""Keep classifying general images while the network learns the new task (rehearsal).

Robins 1995, "Catastrophic Forgetting, Rehearsal and Pseudorehearsal"
(https://doi.org/10.1080/09540099550039318); Rolnick 2019, "Experience Replay for Continual
Learning" (https://arxiv.org/abs/1811.11682). The old head is gone with the old task, so the
general classes get a linear head of their own. It starts from a probe on the starting features
(as phase one does for the task, Kumar 2022), because the gradients of a random head would damage
the features that replay is meant to keep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from edgefit.data.frame_store import FrameStore
from edgefit.data.general import General, read_general
from edgefit.data.table import SampleTable
from edgefit.errors import RecipeError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import ProbeConfig, Recipe
from edgefit.spec import InputSpec
from edgefit.train.network import EdgeNetwork
from edgefit.train.over_frames import over_frames
from edgefit.train.penalties.penalty import TrainingStep
from edgefit.train.probe.fit import fit_probe

_STREAM = 0x5245504C  # keeps these draws apart from all others of the same seed and epoch
_FEWEST = 2  # a batch norm that learns needs two
_FEATURE_BATCH = 64
# The start need not be the best probe, since the head goes on learning. So it takes only seconds.
_START_IMAGES = 2000
_START = ProbeConfig(kind="logistic", strengths=[0.01], folds=2)


class ReplayPenalty(nn.Module):
    """``weight`` times the cross entropy of general images, drawn again in each step.

    All ranks draw the same batch and each takes its share, so that two processes replay what one
    would.

    Args:
        store: The general images at input size.
        targets_N: Their classes, ``int64`` (N,).
        head: Turns features (N, F) into general logits (N, G); it learns too.
        weight: Weight of the penalty.
        share: General images per step as a share of the batch; at least 2 images.
    """

    def __init__(
        self,
        store: FrameStore,
        targets_N: NDArray[np.int64],
        head: nn.Linear,
        *,
        weight: float,
        share: float,
    ) -> None:
        super().__init__()
        self.name = "replay"
        self.main_share = 1.0
        self.replaces_weight_decay = False
        self.head = head
        self.learns: list[nn.Parameter] = list(head.parameters())
        self.weight = weight
        self.share = share
        self._store = store
        self._targets_N = targets_N

    def draw(self, step: TrainingStep) -> NDArray[np.int64]:
        """Positions of a step's general images on this rank, from (seed, epoch, index) only."""
        count = max(_FEWEST, round(self.share * len(step.frames_NHWC)))
        generator = np.random.Generator(
            np.random.PCG64([step.seed, _STREAM, step.epoch, step.index])
        )
        images = len(self._store)
        drawn = generator.choice(images, count * step.world, replace=count * step.world > images)
        return drawn[step.rank :: step.world]

    def forward(self, step: TrainingStep) -> Tensor:
        """The penalty, a scalar ``float32``; general images get the size of the step's images."""
        positions_N = self.draw(step)
        device, size = step.images_NCHW.device, step.images_NCHW.shape[-2:]
        frames_NHWC = torch.from_numpy(_frames(self._store, positions_N))
        images_NCHW = step.network.normalise(frames_NHWC.to(device))
        if images_NCHW.shape[-2:] != size:
            images_NCHW = functional.interpolate(
                images_NCHW, size, mode="bilinear", antialias=True
            ).contiguous(memory_format=torch.channels_last)
        with _statistics_held(step.network.backbone):
            features_NF = step.network.backbone(images_NCHW)
        logits_NC = self.head(features_NF)
        targets_N = torch.from_numpy(self._targets_N[positions_N]).to(device)
        return self.weight * functional.cross_entropy(logits_NC.float(), targets_N)


@contextmanager
def _statistics_held(backbone: nn.Module) -> Iterator[None]:
    """Let batch norms that learn normalise by the general batch without recording it.

    Their running statistics stay those of the task's images, which validation and export use.
    """
    norms = [
        module
        for module in backbone.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training
    ]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def build_replay(recipe: Recipe, network: EdgeNetwork, reporter: Reporter = QUIET) -> ReplayPenalty:
    """Fit a head to the replay half of the general folder.

    Args:
        recipe: ``retention.general`` and ``train.keep`` are read.
        network: Has its starting backbone, on the CPU; its mode does not change.
        reporter: Shows the progress.

    Raises:
        RecipeError: See :func:`read_replayed`.
        DataError: See :func:`read_replayed`.
    """
    general = read_replayed(recipe, network.spec, reporter)
    table, classes = general.replay, general.classes
    store = FrameStore(
        table.samples,
        table.root,
        replace(network.spec, enlarge=recipe.enlarged_in_training),
        budget_mb=recipe.train.cache_mb,
        reporter=reporter,
    )
    head = _start_head(network, store, table, classes, recipe.train.seed, reporter)
    keep = recipe.train.keep
    return ReplayPenalty(
        store, table.targets_N(), head, weight=keep.replay, share=keep.replay_share
    )


def read_replayed(recipe: Recipe, spec: InputSpec, reporter: Reporter = QUIET) -> General:
    """Read the general folder, one half of which is replayed.

    Raises:
        RecipeError: The recipe names no general folder.
        DataError: The general folder cannot be used.
    """
    if recipe.retention.general is None:
        raise RecipeError(
            "Replay has no images to replay.",
            key="retention.general",
            expected="a folder of general images, one subfolder per class",
            remedy="name one, or set train.keep.replay to 0",
        )
    return read_general(recipe.retention.general, recipe.retention, spec, reporter=reporter)


def _start_head(
    network: EdgeNetwork,
    store: FrameStore,
    table: SampleTable,
    classes: int,
    seed: int,
    reporter: Reporter,
) -> nn.Linear:
    positions_N = _first_of_each(table, max(_FEWEST, _START_IMAGES // classes))
    targets_N = table.targets_N()[positions_N]
    features_NF = _features(network, store, positions_N, reporter)
    probe = fit_probe(
        features_NF,
        targets_N,
        table.groups_N()[positions_N],
        classes,
        _START,
        metric="accuracy",
        balance="none",
        seed=seed,
    )
    head = nn.Linear(features_NF.shape[1], classes)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(probe.weight_CF))
        head.bias.copy_(torch.from_numpy(probe.bias_C))
    return head


def _first_of_each(table: SampleTable, most: int) -> NDArray[np.int64]:
    """Positions of the first ``most`` samples of each class, in table order."""
    taken: dict[str | None, int] = defaultdict(int)
    positions = []
    for position, sample in enumerate(table.samples):
        taken[sample.label] += 1
        if taken[sample.label] <= most:
            positions.append(position)
    return np.array(positions, dtype=np.int64)


def _features(
    network: EdgeNetwork, store: FrameStore, positions_N: NDArray[np.int64], reporter: Reporter
) -> NDArray[np.float32]:
    """Starting features ``float32`` (N, F), by torch alone.

    :mod:`edgefit.train.features.extract` is not used, because it may choose the engine by speed. A
    training that is killed before its first checkpoint must start from the same head again.
    """
    was_training = network.training
    network.eval()
    batches = [
        positions_N[i : i + _FEATURE_BATCH] for i in range(0, len(positions_N), _FEATURE_BATCH)
    ]
    tracked = reporter.track(batches, "general features", total=len(batches))
    found = over_frames(
        lambda frames_NHWC: {"features": network.features(frames_NHWC)},
        (_frames(store, batch_N) for batch_N in tracked),
    )
    network.train(was_training)
    return found["features"]


def _frames(store: FrameStore, positions_N: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.stack([store.frame(int(i)) for i in positions_N])
