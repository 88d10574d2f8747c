"""Head, loss and validation of a classifier in training, and its phases."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from edgefit.recipe import TrainConfig, make_recipe
from edgefit.spec import CLASSIFICATION
from edgefit.train.tasks import TASKS
from edgefit.train.tasks.classification import ClassificationLoss, linear_head, validation_metrics


def test_head_shape_and_small_start() -> None:
    head = linear_head(16, 5, 0.3).eval()
    logits = head(torch.randn(7, 16))
    assert logits.shape == (7, 5)
    assert logits.abs().max() < 0.5


RARE = np.array([0] * 30 + [1] * 10)


def loss_with(targets_N: Any = RARE, **config: Any) -> ClassificationLoss:
    settings = TrainConfig(**({"label_smoothing": 0.0} | config))
    return ClassificationLoss(settings, targets_N, 2)


def test_class_weights_make_rare_classes_count_as_much() -> None:
    weighted = loss_with(balance="class-weights")
    assert weighted.weight is not None
    torch.testing.assert_close(weighted.weight, torch.tensor([40 / 60, 40 / 20]))
    assert loss_with(balance="sampler").weight is None
    logits_NC, targets_N = torch.zeros(40, 2), torch.from_numpy(RARE)
    of_classes = [weighted(logits_NC[targets_N == c], targets_N[targets_N == c]) for c in (0, 1)]
    assert 30 * of_classes[0] == pytest.approx(10 * of_classes[1].item())
    assert weighted(logits_NC, targets_N) == pytest.approx(math.log(2)), "weights average 1"


def test_effective_number_lies_between_none_and_class_weights() -> None:
    many = np.array([0] * 3000 + [1] * 100)
    ratios = {}
    for balance in ("class-weights", "effective-number"):
        weight = loss_with(many, balance=balance).weight
        assert weight is not None
        ratios[balance] = float(weight[1] / weight[0])
        assert float(weight[torch.from_numpy(many)].mean()) == pytest.approx(1, rel=1e-4)
    assert ratios["class-weights"] == pytest.approx(30)
    expected = (1 - 0.999**3000) / (1 - 0.999**100)
    assert ratios["effective-number"] == pytest.approx(expected, rel=1e-4)


def test_logit_adjustment_is_cross_entropy_with_log_priors() -> None:
    adjusted = loss_with(balance="logit-adjustment")
    logits_NC, targets_N = torch.randn(6, 2), torch.tensor([0, 1, 0, 1, 1, 0])
    shifted = logits_NC + torch.tensor([0.75, 0.25]).log()
    torch.testing.assert_close(
        adjusted(logits_NC, targets_N), functional.cross_entropy(shifted, targets_N)
    )


@pytest.mark.parametrize(
    "balance", ["none", "class-weights", "effective-number", "logit-adjustment"]
)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_mixed_targets_cost_the_mean_of_their_classes(balance: str, smoothing: float) -> None:
    loss = loss_with(balance=balance, label_smoothing=smoothing)
    logits_NC, targets_N = torch.randn(5, 2), torch.tensor([0, 1, 1, 0, 1])
    one_hot_NC = functional.one_hot(targets_N, 2).float()
    torch.testing.assert_close(loss(logits_NC, one_hot_NC), loss(logits_NC, targets_N))
    if balance in ("none", "logit-adjustment"):
        both = 0.3 * loss(logits_NC, targets_N) + 0.7 * loss(logits_NC, 1 - targets_N)
        mixed_NC = 0.3 * one_hot_NC + 0.7 * (1 - one_hot_NC)
        torch.testing.assert_close(loss(logits_NC, mixed_NC), both)
    assert loss(logits_NC.bfloat16(), targets_N).dtype == torch.float32


def test_a_class_without_training_images_has_a_finite_loss() -> None:
    for balance in ("class-weights", "effective-number", "logit-adjustment"):
        loss = loss_with(np.zeros(4, np.int64), balance=balance)
        assert torch.isfinite(loss(torch.zeros(2, 2), torch.tensor([0, 1])))


def test_label_smoothing_keeps_the_loss_of_a_sure_answer_above_zero() -> None:
    logits, target = torch.tensor([[20.0, -20.0]]), torch.tensor([0])
    assert loss_with()(logits, target) < 1e-6
    assert loss_with(label_smoothing=0.1)(logits, target) > 1


def test_validation_metrics_of_known_answers() -> None:
    logits = np.log(np.array([[0.7, 0.3], [0.6, 0.4], [0.2, 0.8]], np.float32))
    found = validation_metrics(logits, np.array([0, 1, 1]))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["balanced_accuracy"] == pytest.approx(0.75)
    assert found["loss"] == pytest.approx(-np.log([0.7, 0.4, 0.8]).mean(), rel=1e-5)
    huge = validation_metrics(np.array([[1e4, -1e4]], np.float32), np.array([1]))
    assert np.isfinite(huge["loss"])


@pytest.mark.parametrize(
    ("overrides", "phases"),
    [
        ([], ["ProbePhase", "FullPhase"]),
        (["train.mode=probe"], ["ProbePhase"]),
        (["train.mode=full"], ["FullPhase"]),
        (
            ["train.interpolation.points=5"],
            ["ProbePhase", "FullPhase", "InterpolationPhase"],
        ),
    ],
)
def test_the_recipe_says_which_phases_there_are(overrides: list[str], phases: list[str]) -> None:
    recipe = make_recipe({"name": "x"}, overrides)
    found = TASKS[CLASSIFICATION].phases(recipe)
    assert [type(phase).__name__ for phase in found] == phases
    assert [phase.trains_on_devices for phase in found] == [name == "FullPhase" for name in phases]
