"""The fine-tuning loop as a LightningModule; lightning handles devices and precision.

All randomness of a step is derived from (seed, epoch, step, rank), and everything else that a later
epoch depends on is in the checkpoint. So a killed run resumes from its last finished epoch and ends
with the same weights, bit for bit, as one that was not killed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, TypedDict

import lightning.pytorch as pl
import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch.optim import AdamW

from edgefit.progress import QUIET, Reporter
from edgefit.recipe import TrainConfig
from edgefit.records.train import EpochRow
from edgefit.train.backbones.build import hold_statistics
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.distributed import rows_of_all, same_buffers
from edgefit.train.loop.cuda_graphs import GraphedBackbone
from edgefit.train.loop.divergence import LossWatch
from edgefit.train.loop.early_stopping import EpochJudge, JudgeState
from edgefit.train.loop.ema import AverageState, MovingAverage
from edgefit.train.loop.mixing import Mixer
from edgefit.train.loop.progressive_resizing import Resizer
from edgefit.train.loop.schedule import Schedule, parameter_groups
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.penalty import Penalty, TrainingStep
from edgefit.train.training import Validation

Batch = tuple[Tensor, Tensor]
Checkpoint = dict[str, Any]  # lightning's: free-form, each part of a trainer adds its own keys
_PENALTIES = "penalty_modules."


class LoopState(TypedDict):
    """What a checkpoint keeps of the loop, in plain values: later releases can read it."""

    history: list[dict[str, JsonValue]]
    choice: JudgeState
    first_loss: float | None
    average: AverageState | None


class FineTuning(pl.LightningModule):
    """Trains all layers, starting from the weights of ``network``.

    Validation has two loaders: the validation images, and a fixed share of the training images
    without augmentation. Both are measured with the averaged weights (if ``ema_decay`` is not 0),
    so that their difference is the gap of these weights, and both at the epoch's image size. So
    epochs of progressive resizing that are smaller than the input cannot be kept.

    Args:
        network: The network to train.
        loss: Takes logits (N, C) and targets, (N,) classes or (N, C) shares.
        validation: The task's metrics.
        config: The recipe's training section.
        schedule: Learning rates per step.
        card: Places parameters in stages, and knows the smallest input.
        learned_statistics: Whether batch norm adapts its running statistics.
        classes: Number of classes C.
        penalties: Further terms of the loss.

    Attributes:
        history: One row per epoch, as in ``log.csv``.
        judge: Which epoch is kept, and when to stop.
        average: The averaged weights, or None.
    """

    def __init__(
        self,
        network: EdgeNetwork,
        loss: nn.Module,
        validation: Validation,
        config: TrainConfig,
        schedule: Schedule,
        card: BackboneCard,
        *,
        classes: int,
        learned_statistics: bool = False,
        penalties: Sequence[Penalty] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.config = config
        self.schedule = schedule
        self.card = card
        self.learned_statistics = learned_statistics
        self.penalties = list(penalties)
        # registered, so that they move to the device and their parameters are saved
        self.penalty_modules = nn.ModuleList([p for p in penalties if isinstance(p, nn.Module)])
        self.validation = validation
        self.mixer = Mixer(config.mix, classes, config.seed)
        self.resizer = Resizer(config.resizing, config.epochs, card.min_input_size)
        self.watch = LossWatch(classes, config.learning_rate)
        self.average = (
            MovingAverage(network, config.ema_decay, buffers=learned_statistics)
            if config.ema_decay
            else None
        )
        self.history: list[EpochRow] = []
        self.judge = EpochJudge(config)
        self._graphed: GraphedBackbone | None = None
        # in a list, or it would be a second child with the backbone's weights in the checkpoint
        self._compiled: list[Callable[[Tensor], Tensor]] = []
        self._answers: dict[int, list[tuple[Tensor, Tensor]]] = {}
        self._images = 0
        self._train_end = self._epoch_start = 0.0

    # -- a step ------------------------------------------------------------------------------

    def on_train_start(self) -> None:
        if self.average:
            self.average.follow()

    def on_train_epoch_start(self) -> None:
        self.network.train()
        hold_statistics(self.network.backbone, all_of_them=not self.learned_statistics)
        if self._graphed:  # before the epoch's first batch, since another thread pins memory later
            spec = self.network.spec
            with self.trainer.precision_plugin.forward_context():
                self._graphed.record(
                    *self.resizer.size_at(self.current_epoch, spec.height, spec.width)
                )
        self.watch.begin(self.current_epoch)
        self._images = 0
        self._epoch_start = time.monotonic()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # seed each step, not each epoch: the loader draws numbers between an epoch's start and its
        # first step, other ones in the first epoch after a start. The rank only matters for
        # dropout: images and their mixing do not depend on the number of processes
        parts = [self.config.seed, self.current_epoch, batch_idx, self.global_rank]
        _seed(int(np.random.SeedSequence(parts).generate_state(1)[0]), self.device)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        frames_NHWC, targets_N = batch
        epoch = int(self.current_epoch)
        images_NCHW = self.resizer(self.network.normalise(frames_NHWC), epoch)
        images_NCHW, mixed = self.mixer(images_NCHW, targets_N, epoch, batch_idx)
        features_NF = self._backbone_of_training(images_NCHW)
        logits_NC = self.network.head(features_NF)
        main: Tensor = self.loss(logits_NC, mixed)
        terms = {"train_loss": main}
        total = math.prod(penalty.main_share for penalty in self.penalties) * main
        if self.penalties:
            step = TrainingStep(
                self.network,
                frames_NHWC,
                images_NCHW,
                features_NF,
                logits_NC,
                targets_N,
                epoch,
                batch_idx,
                self.config.seed,
                rank=self.global_rank,
                world=self.trainer.world_size if self._trainer else 1,
            )
            for penalty in self.penalties:
                terms[penalty.name] = penalty(step)
                total = total + terms[penalty.name]
        self.watch.add(terms)
        self._images += len(targets_N)
        return total

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if self.average:
            self.average.update()

    def run_backbone(
        self,
        way: Literal["compiled", "recorded", "plain"],
        batch_size: int,
        reporter: Reporter = QUIET,
    ) -> None:
        """Choose how training steps run the backbone.

        The names of the weights do not change, and validation always runs the plain backbone.

        Args:
            way: ``recorded`` (as a CUDA graph) needs a GPU and a single process.
            batch_size: Images in a full batch.
            reporter: See :class:`edgefit.train.loop.cuda_graphs.GraphedBackbone`.
        """
        if way == "compiled":
            self._compiled = [torch.compile(self.network.backbone)]
        elif way == "recorded":
            self._graphed = GraphedBackbone(self.network.backbone, batch_size, reporter)

    def _backbone_of_training(self, images_NCHW: Tensor) -> Tensor:
        if self._compiled:
            return self._compiled[0](images_NCHW)
        run = self._graphed or self.network.backbone
        features_NF: Tensor = run(images_NCHW)
        return features_NF

    def on_train_end(self) -> None:
        if self._graphed:
            self._graphed.forget()

    def configure_optimizers(self) -> Any:
        groups = parameter_groups(self.network, self.card, self.config, self.penalties)
        device = groups[0]["params"][0].device.type
        optimizer = AdamW(
            groups,
            lr=1.0,
            weight_decay=self.config.weight_decay,
            fused=device in ("cpu", "cuda") and not self._clips_scaled_gradients(),
        )
        rates: list[Callable[[int], float]] = [
            partial(self._rate, group["share"]) for group in groups
        ]
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rates)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip as lightning does; in bf16, where nothing is scaled, also with a fused optimiser."""
        if str(self.trainer.precision) == "bf16-mixed" and gradient_clip_val:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, gradient_clip_val)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def _clips_scaled_gradients(self) -> bool:
        """Whether the optimiser must not be fused: it would unscale gradients after clipping."""
        scaled = self._trainer is not None and str(self.trainer.precision) == "16-mixed"
        return scaled and self.config.clip_norm > 0

    def _rate(self, share: float, step: int) -> float:
        return share * self.schedule.rate(step)

    # -- validation --------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self._train_end = time.monotonic()
        self._answers = {0: [], 1: []}
        if self.learned_statistics:
            same_buffers(self.network)
        if self.average:
            self.average.swap()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        frames_NHWC, targets_N = batch
        images_NCHW = self.resizer(self.network.normalise(frames_NHWC), int(self.current_epoch))
        logits_NC = self.network.head(self.network.backbone(images_NCHW))
        self._answers[dataloader_idx].append((logits_NC.float(), targets_N))

    def on_validation_epoch_end(self) -> None:
        terms = self.watch.end()
        measured, images = self._measured(0)
        on_training = self._measured(1)[0][self.config.metric]
        if self.average:
            self.average.swap()
        self._record(terms, measured, on_training, images)

    def _measured(self, loader: int) -> tuple[dict[str, float], int]:
        """Metrics and loss of a validation loader, and the number of its images."""
        classes = self.mixer.classes
        logits = [np.empty((0, classes), np.float32)]
        logits += [x.cpu().numpy() for x, _ in self._answers[loader]]
        targets = [np.empty(0, np.int64), *(t.cpu().numpy() for _, t in self._answers[loader])]
        logits_NC = rows_of_all(np.concatenate(logits))
        if not np.isfinite(logits_NC).all():
            raise self.watch.fail("the network's answers are not numbers")
        measured = self.validation(logits_NC, rows_of_all(np.concatenate(targets)))
        return measured, len(logits_NC)

    def _record(
        self,
        terms: dict[str, float],
        measured: dict[str, float],
        on_training: float,
        validation_images: int,
    ) -> None:
        seconds = self._train_end - self._epoch_start
        images = self._images * (self.trainer.world_size if self._trainer else 1)
        metric, spec = self.config.metric, self.network.spec
        height, width = self.resizer.size_at(int(self.current_epoch), spec.height, spec.width)
        row = EpochRow(
            epoch=int(self.current_epoch) + 1,
            phase="full",
            height=height,
            width=width,
            train_loss=terms["train_loss"],
            validation=measured,
            on_training={metric: on_training},
            gap=on_training - measured[metric],
            learning_rate=self.schedule.rate(max(0, self.global_step - 1)),
            penalties={name: value for name, value in terms.items() if name != "train_loss"},
            images_per_second=round(images / max(seconds, 1e-9), 1),
            seconds=round(seconds, 2),
        )
        self.history.append(row)
        self.log_dict({k: v for k, v in row.to_json().items() if isinstance(v, float)}, logger=True)
        if (height, width) == (spec.height, spec.width):  # a kept epoch must be good at that size
            self.judge.judge(row, validation_images)

    # -- what a resumed run needs ------------------------------------------------------------

    def state(self) -> LoopState:
        """What a checkpoint keeps of the loop."""
        return {
            "history": [row.to_json() for row in self.history],
            "choice": self.judge.state(),
            "first_loss": self.watch.start,
            "average": self.average.state() if self.average else None,
        }

    def load(self, state: LoopState) -> None:
        """Restore a state that :meth:`state` returned."""
        self.history = [EpochRow.model_validate(row) for row in state["history"]]
        self.judge.load(state["choice"])
        self.watch.start = state["first_loss"]
        if self.average and state["average"]:
            self.average.load(state["average"])

    def on_save_checkpoint(self, checkpoint: Checkpoint) -> None:
        checkpoint["edgefit"] = self.state()
        for name in self._frozen_in_penalties():
            checkpoint["state_dict"].pop(name, None)

    def on_load_checkpoint(self, checkpoint: Checkpoint) -> None:
        self.load(checkpoint["edgefit"])
        if "state_dict" in checkpoint:
            checkpoint["state_dict"] |= self._frozen_in_penalties()

    def _frozen_in_penalties(self) -> dict[str, Tensor]:
        """Copies of networks that do not learn; a start reads them again, no epoch saves them."""
        learned = {name for name, p in self.named_parameters() if p.requires_grad}
        return {
            name: value
            for name, value in self.state_dict().items()
            if name.startswith(_PENALTIES) and name not in learned
        }


def _seed(seed: int, device: torch.device) -> None:
    """Like ``torch.manual_seed``, which spends a millisecond on devices that are not used."""
    if device.type not in ("cpu", "cuda"):
        torch.manual_seed(seed)
        return
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
