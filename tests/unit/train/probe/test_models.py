"""The linear models, the folds that judge them, and their temperature."""

from __future__ import annotations

import numpy as np

from edgefit.train.probe.models import (
    LinearModel,
    Standardised,
    fit_logistic,
    fit_nearest_mean,
    make_folds,
    probe_temperature,
)
from tests.unit.train.probe.clouds import clouds, nll


def test_nearest_mean_is_the_nearest_mean() -> None:
    features_NF, targets_N, _ = clouds(90, 3, seed=3, spread=3)
    scaled = Standardised(features_NF)
    means = np.stack([scaled.features_NF[targets_N == c].mean(axis=0) for c in range(3)])
    distances = np.square(scaled.features_NF[:, None] - means[None]).sum(axis=2)
    found = fit_nearest_mean(scaled, targets_N, 3).logits(features_NF)
    np.testing.assert_array_equal(found.argmax(axis=1), distances.argmin(axis=1))


def test_folds_divide_no_group_and_judge_every_row_once() -> None:
    rng = np.random.default_rng(7)
    targets_N = rng.integers(0, 3, 120)
    groups_N = np.array([f"g{t}-{i % 9}" for i, t in enumerate(targets_N)])
    folds = make_folds(targets_N, groups_N, 5, seed=0)
    judged = np.concatenate([j for _, j in folds.parts])
    assert sorted(judged.tolist()) == list(range(120))
    for fitted_J, judged_J in folds.parts:
        assert not set(groups_N[fitted_J]) & set(groups_N[judged_J])
        assert len(fitted_J) + len(judged_J) == 120
    again, other = (make_folds(targets_N, groups_N, 5, seed=s) for s in (0, 1))
    same = [np.array_equal(a[1], b[1]) for a, b in zip(folds.parts, again.parts, strict=True)]
    assert all(same)
    assert any(
        not np.array_equal(a[1], b[1]) for a, b in zip(folds.parts, other.parts, strict=True)
    )


def test_the_temperature_has_the_least_loss_and_stays_finite() -> None:
    rng = np.random.default_rng(13)
    logits = rng.normal(0, 2, (500, 3)).astype(np.float32)
    powers = np.exp(logits / 1.7)
    chances = powers / powers.sum(axis=1, keepdims=True)
    targets_N = np.array([rng.choice(3, p=p / p.sum()) for p in chances])
    found, loss = probe_temperature(logits, targets_N, np.ones(500))
    for other in (found / 1.2, found * 1.2):
        assert nll((logits / other).astype(np.float32), targets_N) > loss - 1e-3
    separable = np.eye(3, dtype=np.float32)[targets_N]
    cold, _ = probe_temperature(separable, targets_N, np.ones(500))
    assert 0.05 < cold < 0.5


def test_standardised_features_have_mean_0_and_hardly_more_spread_than_1() -> None:
    features_NF, _, _ = clouds(400, 3, seed=4)
    features_NF[:, 5] = 7.0
    scaled_NF = Standardised(features_NF).features_NF
    np.testing.assert_allclose(scaled_NF.mean(axis=0), 0, atol=1e-4)
    assert scaled_NF.dtype == np.float32
    assert (scaled_NF.std(axis=0) <= 1).all()
    assert scaled_NF[:, 5].std() == 0


def test_a_layer_on_standardised_features_is_the_same_layer_on_plain_ones() -> None:
    features_NF, _, _ = clouds(60, 3, seed=5)
    scaled = Standardised(features_NF)
    rng = np.random.default_rng(0)
    weight_KF, bias_K = rng.normal(size=(2, 12)), rng.normal(size=2)
    model = scaled.unfolded(weight_KF, bias_K, np.array([0, 2]), 3)
    expected_NK = scaled.features_NF @ weight_KF.T + bias_K
    logits_NC = model.logits(features_NF)
    np.testing.assert_allclose(logits_NC[:, [0, 2]], expected_NK, rtol=1e-3, atol=1e-3)
    assert (logits_NC[:, 1] < -1e29).all(), "a class that is not there is never answered"


def test_a_cooled_model_answers_the_same_less_surely() -> None:
    model = LinearModel(np.eye(3, 12, dtype=np.float32), np.arange(3, dtype=np.float32))
    features_NF, _, _ = clouds(20, 3, seed=6)
    cooled = model.cooled(4.0)
    np.testing.assert_allclose(cooled.logits(features_NF) * 4, model.logits(features_NF), rtol=1e-5)
    assert cooled.weight_CF.dtype == cooled.bias_C.dtype == np.float32


def test_logistic_regression_grows_with_its_strength_and_gives_every_class_a_row() -> None:
    features_NF, targets_N, _ = clouds(90, 3, seed=7, spread=2)
    options = {"balanced": False, "tolerance": 1e-4}
    present = targets_N != 1
    scaled = Standardised(features_NF[present])
    found = [*fit_logistic(scaled, targets_N[present], 3, [1e-4, 1e-2, 1.0], **options)]
    assert all(converged for _, converged in found)
    sizes = [float(np.square(model.weight_CF).sum()) for model, _ in found]
    assert sizes == sorted(sizes) and sizes[0] < sizes[-1]
    for model, _ in found:
        assert model.weight_CF.shape == (3, 12)
        assert not model.weight_CF[1].any()
        np.testing.assert_allclose(model.weight_CF[0], -model.weight_CF[2], rtol=1e-4, atol=1e-6)


def test_classes_of_one_group_leave_nothing_to_judge() -> None:
    targets_N = np.arange(12) % 2
    folds = make_folds(targets_N, np.array(["left", "right"])[targets_N], 5, seed=0)
    assert folds.parts == ()
    assert "no cross-validation" in folds.notes[0]


def test_a_temperature_of_rows_whose_class_was_not_there_is_1() -> None:
    logits_NC = np.array([[0.0, -1e30]], np.float32)
    assert probe_temperature(logits_NC, np.array([1]), np.ones(1)) == (1.0, float("inf"))
