"""The fine-tuning loop's own part: what is recorded, divergence, and what is resumed."""

from __future__ import annotations

import math
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from torch.nn import functional

from edgefit.errors import StageError
from edgefit.recipe import TrainConfig
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.loop.divergence import CHECK_EVERY, LossWatch
from edgefit.train.loop.module import FineTuning, _seed
from edgefit.train.loop.schedule import Schedule
from edgefit.train.tasks.classification import ClassificationLoss, linear_head, validation_metrics
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


# -- divergence ------------------------------------------------------------------------------


def watch(*losses: float, classes: int = 4) -> LossWatch:
    """A watch that has seen losses in epoch 3."""
    watched = LossWatch(classes, learning_rate=0.25)
    watched.begin(2)
    for loss in losses:
        watched.add({"train_loss": torch.tensor(loss)})
    return watched


def test_no_advice_goes_beyond_a_high_rate() -> None:
    watched = LossWatch(4, learning_rate=1e9)
    watched.begin(0)
    assert "(--set train.learning_rate=0.1)" in str(watched.fail("it exploded").remedy)


def test_a_loss_that_is_no_number_stops_within_a_few_steps() -> None:
    for bad in (math.nan, math.inf):
        with pytest.raises(StageError, match="diverged in epoch 3: the loss is not a number") as e:
            watch(1.0, bad, *[1.0] * (CHECK_EVERY - 2))
        assert e.value.key == "train.learning_rate"
        assert "train.learning_rate=0.05" in str(e.value.remedy)
    with pytest.raises(StageError, match="not a number"):
        watch(math.nan)
    with pytest.raises(StageError, match="not a number"):
        watch(1.0, math.nan).end()


def test_a_penalty_that_is_no_number_stops_too() -> None:
    watched = LossWatch(4, 0.1)
    watched.begin(0)
    with pytest.raises(StageError, match="not a number"):
        watched.add({"train_loss": torch.tensor(1.0), "distill": torch.tensor(math.nan)})


def test_an_exploding_loss_stops_and_single_bad_batches_do_not() -> None:
    bound = 5 * math.log(4)
    steps = CHECK_EVERY - 1
    with pytest.raises(StageError, match="exploded to"):
        watch(1.0, *[bound * 1.2] * steps)
    watch(1.0, bound * 3, *[1.0] * (steps - 1))
    watch(20.0, *[60.0] * steps)  # a start that is bad already is no explosion


def test_epochs_of_few_steps_are_judged_together() -> None:
    bad = torch.tensor(5 * math.log(4) * 1.5)
    watched = watch(1.0, float(bad))
    watched.end()  # two steps prove nothing
    with pytest.raises(StageError, match=r"diverged in epoch \d+: the loss has exploded"):
        for epoch in range(3, 12):
            watched.begin(epoch)
            watched.add({"train_loss": bad})
            watched.end()


def test_the_means_of_an_epoch() -> None:
    watched = watch(1.0, 2.0)
    watched.begin(3)
    for loss in (2.0, 4.0, 6.0):
        watched.add({"train_loss": torch.tensor(loss), "pull": torch.tensor(0.5)})
    assert watched.end() == {"train_loss": 4.0, "pull": 0.5}


# -- the task --------------------------------------------------------------------------------


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
