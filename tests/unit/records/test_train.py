"""``train.json`` and ``probe.json``: flat in the file, by name in the record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefit.errors import RunError
from edgefit.records.train import EpochRow, ProbeRecord, TrainRecord
from tests.unit.records.written import (
    VALIDATION,
    Facts,
    written_again,
)

ROW = {
    "epoch": 1,
    "phase": "full",
    "height": 32,
    "width": 64,
    "train_loss": 1.25,
    **{f"val_{name}": value for name, value in VALIDATION.items()},
    "train_balanced_accuracy": 0.875,
    "gap": 0.375,
    "learning_rate": 0.001,
    "l2_sp": 0.5,
    "distill": 0.25,
    "images_per_second": 100.0,
    "seconds": 2.5,
}

PROBE = {
    "kind": "logistic",
    "strength": 0.1,
    "score": None,
    "nll": None,
    "temperature": 1.5,
    "metric": "balanced_accuracy",
    "folds": 0,
    "cross_validation": [
        {"kind": "nearest-mean", "strength": None, "score": 0.5, "nll": 2.0, "temperature": 3.0}
    ],
    "seconds": 0.5,
    "notes": ["a note"],
    "features": {
        "engine": "openvino",
        "computed": 3,
        "reused": 1,
        "images_per_second": 9.5,
        "measured": {
            "torch_ms_per_image": 2.5,
            "openvino_ms_per_image": 1.5,
            "openvino_conversion_s": 2.0,
            "relative_difference": 1e-6,
        },
    },
    "validation": VALIDATION,
}

WEIGHTS = {
    "source": "imagenet",
    "sha256": "ab",
    "missing": [],
    "unexpected": [],
    "unused_head": ["classifier.1.bias"],
}

START = {"backbone": "mobilenet_v2", "weights": WEIGHTS}

END = {"over_fitting": None, "training_seconds": 12.5, "threads": 2}

FULL = {
    **START,
    "mode": "probe-then-full",
    "best": ROW,
    "epochs": 1,
    "stopped_early": False,
    "history": [ROW],
    "device": "cpu",
    "precision": "32-true",
    "processes": 1,
    "decode_seconds": 0.5,
    "probe": PROBE,
    "kept": {
        "what": "interpolated",
        "points": [{"alpha": 0.0, **VALIDATION}, {"alpha": 1.0, **VALIDATION}],
        "alpha": 1.0,
        "metric": "balanced_accuracy",
        "rule": "general",
        "tolerance": 0.002,
    },
    **END,
}

PROBE_ONLY = {
    **START,
    "weights": {**WEIGHTS, "source": "none", "sha256": None},
    "mode": "probe",
    "best": {"epoch": 0, "phase": "probe", **{f"val_{k}": v for k, v in VALIDATION.items()}},
    "epochs": 0,
    "stopped_early": False,
    "history": [],
    "device": "cpu",
    "decode_seconds": 0.5,
    "probe": PROBE,
    "kept": {"what": "probe"},
    **END,
}


def test_a_row_of_the_history_has_its_measurements_by_name() -> None:
    row = EpochRow.model_validate(ROW)
    assert row.validation == VALIDATION
    assert row.on_training == {"balanced_accuracy": 0.875}
    assert row.penalties == {"l2_sp": 0.5, "distill": 0.25}
    assert row.size_in_words == "64x32"
    assert row.is_same_size(row)
    assert not row.is_same_size(EpochRow.model_validate(ROW | {"height": 64}))


@pytest.mark.parametrize(
    ("facts", "key"),
    [
        ({**FULL, "best": {**ROW, "note": "hello"}}, "best.penalties.note"),
        ({**FULL, "surprise": 1}, "surprise"),
        ({k: v for k, v in FULL.items() if k != "kept"}, "kept"),
    ],
)
def test_what_does_not_belong_is_named(tmp_path: Path, facts: Facts, key: str) -> None:
    path = TrainRecord.path_in(tmp_path)
    path.parent.mkdir()
    path.write_text(json.dumps(facts))
    with pytest.raises(RunError) as caught:
        TrainRecord.read(tmp_path)
    assert caught.value.key == key


@pytest.mark.parametrize(
    "facts",
    [FULL, PROBE_ONLY, {k: v for k, v in FULL.items() if k != "probe"} | {"mode": "full"}],
    ids=["probe and epochs", "probe alone", "epochs alone"],
)
def test_a_summary_is_written_again_as_it_was_read(tmp_path: Path, facts: Facts) -> None:
    record = written_again(tmp_path, TrainRecord, facts)
    assert isinstance(record, TrainRecord)
    assert record.best.validation == VALIDATION
    assert len(record.history) == record.epochs
    assert (record.probe is None) == ("probe" not in facts)


def test_a_probe_is_written_again_as_it_was_read(tmp_path: Path) -> None:
    record = written_again(tmp_path, ProbeRecord, PROBE)
    assert isinstance(record, ProbeRecord)
    assert record.validation == VALIDATION
    assert record.cross_validation[0].kind == "nearest-mean"


def test_a_point_of_the_line_has_its_metrics_by_name() -> None:
    kept = TrainRecord.model_validate(FULL).kept
    assert kept.points is not None
    assert [(point.alpha, point.metrics) for point in kept.points] == [
        (0.0, VALIDATION),
        (1.0, VALIDATION),
    ]


def test_a_row_without_epochs_has_no_size_and_is_of_any_size() -> None:
    row = EpochRow(epoch=0, phase="probe", validation=VALIDATION)
    assert row.is_same_size(row.model_copy(update={"epoch": 1}))
    assert not row.is_same_size(EpochRow.model_validate(ROW))
    assert list(row.to_json()) == ["epoch", "phase", *(f"val_{name}" for name in VALIDATION)]
