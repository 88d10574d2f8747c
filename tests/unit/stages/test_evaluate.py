"""The stage ``evaluate``: what the network and its operating point do on the test images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgefit.errors import RunError
from edgefit.evaluate.saved import SavedOutputs, saved_path
from edgefit.operating.temperature import softmax
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.evaluate import EvaluateRecord
from edgefit.run import RunFolder
from edgefit.stages.calibrate import calibrate
from edgefit.stages.evaluate import evaluate
from tests.stamps import is_done
from tests.trained_run import again, solved_run, write_discs


def test_evaluate_measures_it_on_the_test_images(run: RunFolder, tmp_path: Path) -> None:
    calibrate(run)
    general = write_discs(tmp_path / "general", {"a": 8, "b": 8}, seed=5)
    for number, path in enumerate(sorted(general.rglob("*.png"))):
        path.write_bytes(noise(number))
    again(run, [f"retention.general={general}"])
    results = evaluate(run)
    measured = results.operating
    calibration = measured.calibration
    assert calibration.temperature == CalibrateRecord.read(run.root).temperature
    assert calibration.after.negative_log_likelihood.is_below(
        calibration.before.negative_log_likelihood
    )
    assert measured.threshold.escape_rate.images == 36
    assert measured.conformal.coverage.value > 0.8
    assert measured.novelty.flagged.value < 0.3
    assert measured.novelty.flagged_out_of_domain.images == 8  # one half is for replay
    assert measured.novelty.roc_auc.value > 0.9
    assert results.worst_group is None  # every picture is its own group
    with np.load(saved_path(run.root), allow_pickle=False) as saved:
        assert saved["novelty"].shape == (72,)
        assert saved["elsewhere_paths"].shape == saved["elsewhere_novelty"].shape == (8,)
        logits_NC = saved["logits"] / np.float32(calibration.temperature)
        expected_NC = softmax(logits_NC)
        np.testing.assert_allclose(saved["probabilities"], expected_NC, atol=1e-6)


def noise(seed: int) -> bytes:
    import cv2

    rng = np.random.default_rng(seed)
    return bytes(cv2.imencode(".png", rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))[1])


def test_the_worst_group_stands_beside_the_mean(tmp_path: Path) -> None:
    pictures = write_discs(tmp_path / "p", {"good": 90, "hole": 90}, spread=30)
    run = solved_run(tmp_path / "run", pictures, "data.group='part_00\\d'")
    calibrate(run)
    results = evaluate(run)
    worst = results.worst_group
    assert worst.column == "group" and worst.images >= 5
    assert worst.accuracy.value <= results.metrics["accuracy"].value
    assert results.worst_class.recall.value <= results.metrics["accuracy"].value


def test_it_writes_what_it_found_and_does_no_work_twice(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrate(run)
    found = evaluate(run)
    assert found == EvaluateRecord.read(run.root)
    assert list(SavedOutputs.read(run.root, images=found.images).outputs) == [
        "probabilities",
        "logits",
    ]
    monkeypatch.setattr("edgefit.train.assembly.load_trained", None)
    assert evaluate(run) == found


def test_it_needs_the_operating_point(run: RunFolder) -> None:
    with pytest.raises(RunError, match="`calibrate` has not finished"):
        evaluate(run)


def test_other_general_images_are_another_input(run: RunFolder, tmp_path: Path) -> None:
    general = write_discs(tmp_path / "general", {"a": 4, "b": 4}, seed=5)
    again(run, [f"retention.general={general}"])
    calibrate(run)
    evaluate(run)
    assert is_done(run, "evaluate")
    (general / "a" / "part_0000.png").write_bytes(noise(1))
    assert not is_done(run, "evaluate")
    assert is_done(run, "calibrate")
