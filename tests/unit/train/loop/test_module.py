"""The fine-tuning loop's own part: what is recorded, divergence, and what is resumed."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from edgefit.errors import StageError
from edgefit.recipe import TrainConfig
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.loop.module import FineTuning, _seed
from edgefit.train.loop.schedule import Schedule
from edgefit.train.tasks.classification import ClassificationLoss, validation_metrics
from tests.tiny_network import colour_frames, tiny_network

CARD = BackboneCard.model_construct(id="tiny", stages=[["0", "1"], ["3"], ["5"]], min_input_size=16)


def module(**config: Any) -> FineTuning:
    settings = TrainConfig(**({"epochs": 9, "metric": "accuracy"} | config))
    loss = ClassificationLoss(settings, np.arange(4), 4)
    network = tiny_network(steps=0)
    schedule = Schedule(settings, 2)
    return FineTuning(network, loss, validation_metrics, settings, schedule, CARD, classes=4)


def feed(tuning: FineTuning, *epochs: tuple[float, float]) -> None:
    """Record epochs of (accuracy, loss) without training."""
    tuning.log_dict = lambda *a, **k: None  # type: ignore[method-assign]
    for accuracy, loss in epochs:
        tuning._record({"train_loss": 0.5}, {"accuracy": accuracy, "loss": loss}, 0.95, 100)


def test_an_epoch_on_smaller_images_is_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    tuning = module(epochs=4, resizing={"share": 0.5, "scale": 0.5})
    side = tuning.network.spec.height
    for epoch, accuracy in enumerate((0.99, 0.98, 0.7, 0.6)):
        monkeypatch.setattr(FineTuning, "current_epoch", epoch)
        feed(tuning, (accuracy, 1.0))
    assert [row.height for row in tuning.history] == [side // 2, side // 2, side, side]
    assert tuning.judge.kept is tuning.history[2]


def test_what_a_resumed_run_needs_comes_back() -> None:
    tuning = module()
    feed(tuning, (0.8, 1.0), (0.9, 1.0), (0.7, 1.0))
    checkpoint: dict[str, Any] = {}
    tuning.on_save_checkpoint(checkpoint)
    other = module()
    other.on_load_checkpoint(checkpoint)
    assert other.history == tuning.history
    assert other.judge.state() == tuning.judge.state()
    assert other.judge.kept == tuning.history[1]
    assert other.judge.epochs_without_gain == 1


def test_a_row_holds_the_gap_and_further_terms() -> None:
    tuning = module()
    tuning.log_dict = lambda *a, **k: None  # type: ignore[method-assign]
    terms = {"train_loss": 0.5, "distill": 0.25}
    tuning._record(terms, {"accuracy": 0.75, "loss": 1.0}, 1.0, 100)
    (row,) = tuning.history
    assert (row.on_training, row.gap, row.penalties) == ({"accuracy": 1.0}, 0.25, {"distill": 0.25})
    assert list(row.to_json()) == [
        *("epoch", "phase", "height", "width", "train_loss", "val_accuracy", "val_loss"),
        *("train_accuracy", "gap", "learning_rate", "distill", "images_per_second", "seconds"),
    ]


def test_a_resumed_average_goes_on_where_it_was() -> None:
    tuning, other = module(), module()
    frames_NHWC, targets_N = colour_frames(8, seed=0)
    batch = (torch.from_numpy(frames_NHWC), torch.from_numpy(targets_N))
    optimizer = tuning.configure_optimizers()["optimizer"]
    tuning.watch.begin(0)
    tuning.training_step(batch, 0).backward()
    optimizer.step()
    tuning.on_train_batch_end(None, batch, 0)
    checkpoint: dict[str, Any] = {"state_dict": tuning.state_dict()}
    feed(tuning, (0.8, 1.0))
    tuning.on_save_checkpoint(checkpoint)
    other.on_load_checkpoint(checkpoint)
    assert tuning.average is not None
    assert other.average is not None
    with tuning.average.applied(), other.average.applied():
        assert other.average.updates == 1
        for a, b in zip(tuning.network.parameters(), other.network.parameters(), strict=True):
            assert torch.equal(a, b)
    assert other.watch.start == tuning.watch.start is not None


def test_logits_that_are_no_numbers_are_a_stage_error() -> None:
    tuning = module()
    tuning.watch.begin(0)
    tuning.watch.add({"train_loss": torch.tensor(1.0)})
    logits_NC = torch.zeros(4, 4)
    logits_NC[1, 2] = float("inf")
    tuning._answers = {0: [(logits_NC, torch.arange(4))], 1: []}
    with pytest.raises(StageError, match="diverged in epoch 1"):
        tuning.on_validation_epoch_end()


def test_the_fused_step_is_that_of_the_plain_one() -> None:
    frames_NHWC, targets_N = colour_frames(8, seed=0)
    batch = (torch.from_numpy(frames_NHWC), torch.from_numpy(targets_N))
    after = []
    for fused in (True, False):
        tuning = module(weight_decay=0.3, learning_rate=0.01, warmup_epochs=0)
        tuning.network.to(memory_format=torch.channels_last)
        tuning.watch.begin(0)
        optimizer = tuning.configure_optimizers()["optimizer"]
        assert optimizer.defaults["fused"]
        for group in optimizer.param_groups:
            group["fused"] = fused
        for step in range(3):
            tuning.training_step(batch, step).backward()
            optimizer.step()
            optimizer.zero_grad()
        after.append(tuning.network.state_dict())
    for name in after[0]:
        torch.testing.assert_close(after[0][name], after[1][name], msg=name)


def test_another_device_is_seeded_as_torch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    seeded: list[int] = []
    monkeypatch.setattr(torch, "manual_seed", seeded.append)
    _seed(3, torch.device("mps"))
    assert seeded == [3]
    _seed(4, torch.device("cpu"))
    assert seeded == [3]
    first = torch.rand(3)
    torch.default_generator.manual_seed(4)
    assert torch.equal(first, torch.rand(3))


@pytest.mark.parametrize(
    ("precision", "clip_norm", "fused"),
    [("16-mixed", 1.0, False), ("16-mixed", 0.0, True), ("bf16-mixed", 1.0, True)],
)
def test_scaled_gradients_are_clipped_by_an_optimiser_that_is_not_fused(
    precision: str, clip_norm: float, fused: bool
) -> None:
    tuning = module(clip_norm=clip_norm)
    tuning._trainer = mock.Mock(precision=precision)
    assert tuning.configure_optimizers()["optimizer"].defaults["fused"] is fused
