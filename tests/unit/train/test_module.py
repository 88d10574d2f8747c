"""The fine-tuning loop's own part: the best epoch, patience, divergence, and what is resumed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from edgefit.errors import StageError
from edgefit.recipe import TrainConfig
from edgefit.spec import Task
from edgefit.train.module import FineTuning
from edgefit.train.schedule import Schedule
from edgefit.train.tasks.classification import ClassificationLoss, build_head, validation_metrics
from tests.tiny_network import colour_frames, tiny_network


def module(**config: Any) -> FineTuning:
    settings = TrainConfig(**({"epochs": 9, "head_epochs": 0, "metric": "accuracy"} | config))
    loss = ClassificationLoss(settings, np.arange(4), 4)
    network = tiny_network(steps=0)
    return FineTuning(network, loss, settings, Schedule(settings, 2), Task.CLASSIFICATION)


def feed(tuning: FineTuning, *epochs: tuple[float, float]) -> None:
    """Record epochs of (accuracy, loss) without training."""
    tuning.log_dict = lambda *a, **k: None  # type: ignore[method-assign]
    for accuracy, loss in epochs:
        tuning._record(0.5, {"accuracy": accuracy, "loss": loss})


def test_the_best_epoch_is_that_of_the_highest_metric() -> None:
    tuning = module()
    feed(tuning, (0.5, 1.0), (0.8, 2.0), (0.7, 0.1))
    assert tuning.best is tuning.history[1]
    assert tuning.epochs_without_gain == 1


def test_of_equal_metrics_the_lower_loss_is_best_but_does_not_count_as_a_rise() -> None:
    tuning = module(early_stopping={"patience": 3})
    feed(tuning, (0.8, 1.0), (0.8, 0.5), (0.8, 0.7), (0.8, 0.4))
    assert tuning.best is tuning.history[3]
    assert tuning.epochs_without_gain == 3
    assert tuning.patience_is_over


def test_a_gain_must_exceed_min_delta() -> None:
    tuning = module(early_stopping={"patience": 2, "min_delta": 0.05})
    feed(tuning, (0.80, 1.0), (0.84, 0.5))
    assert tuning.best is tuning.history[0]
    feed(tuning, (0.86, 0.5))
    assert tuning.best is tuning.history[2]
    assert tuning.epochs_without_gain == 0


def test_patience_and_its_absence() -> None:
    falling = [(0.9, 1.0), (0.8, 1.0), (0.7, 1.0)]
    for patience, over in ((1, True), (2, True), (3, False), (0, False)):
        tuning = module(early_stopping={"patience": patience})
        feed(tuning, *falling)
        assert tuning.patience_is_over is over, patience


def test_epochs_of_the_head_phase_do_not_use_up_patience() -> None:
    tuning = module(head_epochs=9, early_stopping={"patience": 1})
    feed(tuning, (0.9, 1.0), (0.8, 1.0), (0.7, 1.0))
    assert tuning.epochs_without_gain == 0
    assert tuning.history[-1]["phase"] == "head"


def test_what_a_resumed_run_needs_comes_back() -> None:
    tuning = module()
    feed(tuning, (0.8, 1.0), (0.9, 1.0), (0.7, 1.0))
    checkpoint: dict[str, Any] = {}
    tuning.on_save_checkpoint(checkpoint)
    other = module()
    other.on_load_checkpoint(checkpoint)
    assert (other.history, other.best) == (tuning.history, tuning.best)
    assert other.epochs_without_gain == 1


@pytest.mark.parametrize("where", ["loss", "logits"])
def test_divergence_is_a_stage_error_with_the_key(where: str) -> None:
    tuning = module(learning_rate=0.25)
    tuning._train_losses = [torch.tensor(float("nan") if where == "loss" else 1.0)]
    logits = torch.zeros(4, 4)
    if where == "logits":
        logits[1, 2] = float("inf")
    tuning._validation = [(logits, torch.arange(4))]
    with pytest.raises(StageError, match="diverged in epoch 1") as caught:
        tuning.on_validation_epoch_end()
    assert caught.value.key == "train.learning_rate"
    assert "train.learning_rate=0.05" in str(caught.value.remedy)


def test_biases_and_norms_are_not_decayed_and_frozen_parts_are_left_out() -> None:
    tuning = module(weight_decay=0.3)
    for parameter in tuning.network.backbone[3].parameters():
        parameter.requires_grad_(False)
    optimizer = tuning.configure_optimizers()["optimizer"]
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert parameter.requires_grad
            assert group["weight_decay"] == (0.3 if parameter.ndim > 1 else 0.0)
    held = sum(len(g["params"]) for g in optimizer.param_groups)
    assert held == sum(p.requires_grad for p in tuning.network.parameters())


def test_training_step_in_the_head_phase_gives_the_backbone_no_gradient() -> None:
    tuning = module(head_epochs=2)
    frames_NHWC, targets_N = colour_frames(8, seed=0)
    batch = (torch.from_numpy(frames_NHWC), torch.from_numpy(targets_N))
    tuning.training_step(batch, 0).backward()
    assert all(p.grad is None for p in tuning.network.backbone.parameters())
    assert all(p.grad is not None for p in tuning.network.head.parameters())


# -- the task --------------------------------------------------------------------------------


def test_head_shape_and_small_start() -> None:
    head = build_head(16, 5, 0.3).eval()
    logits = head(torch.randn(7, 16))
    assert logits.shape == (7, 5)
    assert logits.abs().max() < 0.5


def test_class_weights_make_rare_classes_count_as_much() -> None:
    targets = np.array([0] * 30 + [1] * 10)
    weighted = ClassificationLoss(TrainConfig(balance="class-weights"), targets, 2)
    assert weighted.weight is not None
    torch.testing.assert_close(weighted.weight, torch.tensor([40 / 60, 40 / 20]))
    assert ClassificationLoss(TrainConfig(balance="sampler"), targets, 2).weight is None


def test_label_smoothing_keeps_the_loss_of_a_sure_answer_above_zero() -> None:
    logits, target = torch.tensor([[20.0, -20.0]]), torch.tensor([0])
    sharp = ClassificationLoss(TrainConfig(label_smoothing=0), np.array([0, 1]), 2)
    smooth = ClassificationLoss(TrainConfig(label_smoothing=0.1), np.array([0, 1]), 2)
    assert sharp(logits, target) < 1e-6
    assert smooth(logits, target) > 1


def test_validation_metrics_of_known_answers() -> None:
    logits = np.log(np.array([[0.7, 0.3], [0.6, 0.4], [0.2, 0.8]], np.float32))
    found = validation_metrics(logits, np.array([0, 1, 1]))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == pytest.approx(0.75)
    assert found["loss"] == pytest.approx(-np.log([0.7, 0.4, 0.8]).mean(), rel=1e-5)
    huge = validation_metrics(np.array([[1e4, -1e4]], np.float32), np.array([1]))
    assert np.isfinite(huge["loss"])
