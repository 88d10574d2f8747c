"""The probe: what it predicts, what is never divided, and what few images lead to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from edgefit.data.frame_store import FrameStore
from edgefit.data.table import Sample, SampleTable
from edgefit.errors import StageError
from edgefit.recipe import ProbeConfig, TrainConfig
from edgefit.records.train import EngineComparison, FeatureFacts
from edgefit.train.features.cache import FeatureCache
from edgefit.train.probe.fit import Probe, fill_head, fit_probe, run_probe
from edgefit.train.probe.models import (
    make_folds,
    probe_temperature,
)
from tests.tiny_network import LABELS, SPEC, colour_frames, tiny_network
from tests.unit.train.probe.clouds import Floats, Integers, clouds, nll


def accuracy(probe: Probe, features_NF: Floats, targets_N: Integers) -> float:
    return float((probe.logits(features_NF).argmax(axis=1) == targets_N).mean())


@pytest.mark.parametrize("kind", ["auto", "logistic", "nearest-mean"])
@pytest.mark.parametrize("classes", [2, 5])
def test_it_tells_classes_apart_and_gives_a_row_a_class(kind: Any, classes: int) -> None:
    features_NF, targets_N, groups_N = clouds(200, classes, seed=0)
    probe = fit_probe(features_NF, targets_N, groups_N, classes, ProbeConfig(kind=kind))
    assert probe.weight_CF.shape == (classes, 12) and probe.bias_C.shape == (classes,)
    assert probe.weight_CF.dtype == probe.bias_C.dtype == np.float32
    fresh_NF, fresh_N, _ = clouds(300, classes, seed=1)
    assert accuracy(probe, fresh_NF, fresh_N) > 0.9
    assert kind in ("auto", probe.kind)
    assert probe.folds == 5 and probe.notes == ()


def test_the_folded_layer_is_scikit_learns_answer() -> None:
    from sklearn.linear_model import LogisticRegression

    for classes in (2, 4):
        features_NF, targets_N, groups_N = clouds(160, classes, seed=2, spread=3)
        config = ProbeConfig(kind="logistic", strengths=[0.05])
        probe = fit_probe(features_NF, targets_N, groups_N, classes, config)
        variance_F = features_NF.astype(np.float64).var(axis=0)
        spread_F = np.sqrt(variance_F + 0.1 * variance_F.mean())
        scaled_NF = (features_NF - features_NF.mean(axis=0)) / spread_F
        reference = LogisticRegression(C=0.05, tol=1e-8, max_iter=5000).fit(scaled_NF, targets_N)
        logits = torch.from_numpy(probe.logits(features_NF) * probe.chosen.temperature)
        found_NC = torch.softmax(logits, dim=1).numpy()
        np.testing.assert_allclose(found_NC, reference.predict_proba(scaled_NF), atol=5e-3)


def test_cross_validation_takes_the_best_and_lists_all() -> None:
    features_NF, targets_N, groups_N = clouds(120, 4, seed=4, spread=2.5)
    config = ProbeConfig(strengths=[1.0, 0.0001, 0.01])
    probe = fit_probe(features_NF, targets_N, groups_N, 4, config, metric="accuracy")
    tried = [(row.kind, row.strength) for row in probe.cross_validation]
    assert tried == [
        ("logistic", 0.0001),
        ("logistic", 0.01),
        ("logistic", 1.0),
        ("nearest-mean", None),
    ]
    assert probe.chosen.score == max(row.score or 0 for row in probe.cross_validation)
    assert probe.metric == "accuracy"
    features = FeatureFacts(
        engine="torch", computed=120, reused=0, images_per_second=9.0, measured=EngineComparison()
    )
    record = replace(probe, features=features).to_record({"accuracy": 0.9})
    assert record.cross_validation[1].strength == 0.01
    assert (record.strength, record.validation) == (probe.strength, {"accuracy": 0.9})
    with pytest.raises(StageError, match="has no record"):
        probe.to_record({})


def test_noise_wants_strong_regularisation_and_clean_data_does_not() -> None:
    rng = np.random.default_rng(5)
    targets_N = np.arange(80, dtype=np.int64) % 2
    groups_N = np.array([f"g{i}" for i in range(80)])
    noisy_NF = rng.normal(0, 1, (80, 300)).astype(np.float32)
    noisy_NF[:, 0] += 2.0 * targets_N
    config = ProbeConfig(kind="logistic", strengths=[1e-3, 10.0])
    noisy = fit_probe(noisy_NF, targets_N, groups_N, 2, config)
    clean_NF = noisy_NF[:, :2]
    clean = fit_probe(clean_NF, targets_N, groups_N, 2, config)
    by_strength = {c.strength: c for c in noisy.cross_validation}
    assert (by_strength[1e-3].nll or 0) < (by_strength[10.0].nll or 0)
    assert accuracy(clean, clean_NF, targets_N) > 0.7


def test_the_score_is_that_of_rows_whose_group_was_not_seen() -> None:
    """Ten rows a group that are all but equal, labels that say nothing about the features."""
    rng = np.random.default_rng(6)
    group_NF = rng.normal(0, 1, (40, 30))
    features_NF = (np.repeat(group_NF, 10, axis=0) + rng.normal(0, 0.01, (400, 30))).astype(
        np.float32
    )
    targets_N = np.repeat(np.arange(40, dtype=np.int64) % 2, 10)
    groups_N = np.repeat([f"g{i}" for i in range(40)], 10)
    config = ProbeConfig(kind="logistic", strengths=[1.0])
    whole = fit_probe(features_NF, targets_N, groups_N, 2, config)
    torn = fit_probe(features_NF, targets_N, np.arange(400).astype(str), 2, config)
    assert torn.chosen.score is not None and whole.chosen.score is not None
    assert torn.chosen.score > 0.9
    assert whole.chosen.score < 0.75


def test_a_class_with_two_images_leaves_two_folds() -> None:
    features_NF, targets_N, groups_N = clouds(60, 3, seed=8)
    keep = np.concatenate([np.flatnonzero(targets_N != 2), np.flatnonzero(targets_N == 2)[:2]])
    probe = fit_probe(features_NF[keep], targets_N[keep], groups_N[keep], 3, ProbeConfig())
    assert probe.folds == 2
    assert "2 folds instead of 5" in probe.notes[0]
    assert accuracy(probe, features_NF, targets_N) > 0.8


def test_a_class_of_one_group_is_fitted_but_not_judged() -> None:
    features_NF, targets_N, groups_N = clouds(60, 3, seed=9)
    groups_N = np.where(targets_N == 2, "the only one", groups_N)
    folds = make_folds(targets_N, groups_N, 5, seed=0)
    assert len(folds.parts) == 5
    for fitted_J, judged_J in folds.parts:
        assert set(targets_N[fitted_J]) == {0, 1, 2} and set(targets_N[judged_J]) == {0, 1}
    probe = fit_probe(features_NF, targets_N, groups_N, 3, ProbeConfig())
    assert "1 class of a single group is fitted" in probe.notes[0]
    assert accuracy(probe, features_NF, targets_N) > 0.9


@pytest.mark.parametrize(
    ("kind", "strength"), [("auto", 0.01), ("logistic", 0.01), ("nearest-mean", None)]
)
def test_without_groups_to_judge_the_middle_strength_is_taken(
    kind: Any, strength: float | None
) -> None:
    features_NF, targets_N, _ = clouds(40, 2, seed=10)
    groups_N = np.array(["left", "right"])[targets_N]
    probe = fit_probe(features_NF, targets_N, groups_N, 2, ProbeConfig(kind=kind))
    assert (probe.folds, probe.strength, probe.cross_validation) == (0, strength, ())
    assert probe.chosen.score is None
    assert any("no cross-validation" in note for note in probe.notes)
    assert accuracy(probe, features_NF, targets_N) > 0.9
    assert nll(probe.logits(features_NF), targets_N) < 0.6


@pytest.mark.parametrize("kind", ["logistic", "nearest-mean"])
def test_the_logits_are_calibrated_on_new_rows(kind: Any) -> None:
    features_NF, targets_N, groups_N = clouds(150, 4, seed=11, spread=3)
    config = ProbeConfig(kind=kind, strengths=[10.0])  # too weak: over-confident by itself
    probe = fit_probe(features_NF, targets_N, groups_N, 4, config)
    fresh_NF, fresh_N, _ = clouds(4000, 4, seed=12, spread=3)
    logits = probe.logits(fresh_NF)
    raw = nll(logits * np.float32(probe.chosen.temperature), fresh_N)
    best, least = probe_temperature(logits, fresh_N, np.ones(len(fresh_N)))
    assert probe.chosen.temperature > 1.2
    assert nll(logits, fresh_N) < raw
    assert 0.75 < best < 1.33
    assert nll(logits, fresh_N) - least < 0.03


def test_balance_lifts_the_rare_class() -> None:
    features_NF, targets_N, groups_N = clouds(600, 2, seed=14, spread=8)
    keep = np.concatenate([np.flatnonzero(targets_N == 0), np.flatnonzero(targets_N == 1)[:20]])
    config = ProbeConfig(kind="logistic", strengths=[0.01])
    fresh_NF, fresh_N, _ = clouds(600, 2, seed=15, spread=8)
    recall = {}
    for balance in ("none", "class-weights"):
        probe = fit_probe(
            features_NF[keep], targets_N[keep], groups_N[keep], 2, config, balance=balance
        )
        answers = probe.logits(fresh_NF[fresh_N == 1]).argmax(axis=1)
        recall[balance] = float((answers == 1).mean())
    assert recall["class-weights"] > recall["none"] + 0.2


def test_the_same_input_gives_the_same_bytes() -> None:
    data = clouds(100, 3, seed=16, spread=2)
    one, two = (fit_probe(*data, 3, ProbeConfig(), seed=1) for _ in range(2))
    assert one.weight_CF.tobytes() == two.weight_CF.tobytes()
    assert one.bias_C.tobytes() == two.bias_C.tobytes()


def test_a_constant_feature_does_no_harm() -> None:
    features_NF, targets_N, groups_N = clouds(100, 3, seed=17)
    features_NF[:, 4] = 0.0
    probe = fit_probe(features_NF, targets_N, groups_N, 3, ProbeConfig())
    assert np.isfinite(probe.weight_CF).all()
    assert accuracy(probe, features_NF, targets_N) > 0.9


def test_what_cannot_be_fitted_is_refused() -> None:
    features_NF, targets_N, groups_N = clouds(30, 3, seed=18)
    with pytest.raises(StageError, match="every class") as caught:
        fit_probe(features_NF, targets_N, groups_N, 4, ProbeConfig())
    assert "[3]" in str(caught.value.found)
    with pytest.raises(StageError, match="differ in number"):
        fit_probe(features_NF, targets_N[:-1], groups_N, 3, ProbeConfig())
    features_NF[0, 0] = np.nan
    with pytest.raises(StageError, match="not finite") as caught:
        fit_probe(features_NF, targets_N, groups_N, 3, ProbeConfig())
    assert caught.value.key == "model.weights"


def test_a_head_of_another_size_is_refused() -> None:
    weight_CF, bias_C = np.ones((3, 5), dtype=np.float32), np.arange(3, dtype=np.float32)
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(5, 3))
    fill_head(head, weight_CF, bias_C)
    assert torch.equal(head(torch.zeros(1, 5)), torch.tensor([[0.0, 1.0, 2.0]]))
    with pytest.raises(StageError, match="does not fit the head"):
        fill_head(nn.Linear(4, 3), weight_CF, bias_C)
    with pytest.raises(StageError, match="does not fit the head"):
        fill_head(nn.Identity(), weight_CF, bias_C)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> SampleTable:
    """Forty coloured pictures of four classes, no groups stated."""
    root = tmp_path_factory.mktemp("colours")
    frames_NHWC, targets_N = colour_frames(40, seed=21)
    samples = []
    for number, (frame, target) in enumerate(zip(frames_NHWC, targets_N, strict=True)):
        assert cv2.imwrite(str(root / f"{number:02d}.png"), frame[:, :, ::-1])
        samples.append(Sample(f"{number:02d}.png", LABELS.names[target], "train"))
    return SampleTable(root, tuple(samples), LABELS)


def test_it_fills_the_head_and_leaves_the_rest(pictures: SampleTable, tmp_path: Path) -> None:
    network = tiny_network(steps=0)
    network.temperature.fill_(1.0)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    store = FrameStore(pictures.samples, pictures.root, SPEC)
    cache = FeatureCache(tmp_path / "features")
    config = TrainConfig(augment="conveyor", probe=ProbeConfig(views=3))
    probe = run_probe(network, store, pictures, config, cache=cache)
    after = network.state_dict()
    changed = {k for k, v in before.items() if not torch.equal(v, after[k])}
    assert changed == {"head.weight", "head.bias"}
    assert probe.features is not None and probe.features.computed == 120 and probe.folds == 5
    frames_NHWC, targets_N = colour_frames(40, seed=22)
    with torch.inference_mode():
        answers_N = network.logits(torch.from_numpy(frames_NHWC)).argmax(dim=1).numpy()
    assert (answers_N == targets_N).mean() > 0.8
    again = tiny_network(steps=0)
    second = run_probe(again, store, pictures, config, cache=cache)
    assert second.features is not None and second.features.computed == 0
    assert second.weight_CF.tobytes() == probe.weight_CF.tobytes()


def test_views_of_nothing_augmented_are_one_view_and_that_is_said(pictures: SampleTable) -> None:
    store = FrameStore(pictures.samples, pictures.root, SPEC)
    config = TrainConfig(augment="none", probe=ProbeConfig(views=4))
    probe = run_probe(tiny_network(steps=0), store, pictures, config)
    assert probe.features is not None and probe.features.computed == 40
    assert "train.augment is none" in probe.notes[0]
