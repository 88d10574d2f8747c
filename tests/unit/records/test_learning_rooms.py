"""Records of check, train, retention and the studies: each JSON form comes back key for key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgefit.errors import RunError
from edgefit.records.check import CheckRecord, LabelsRecord
from edgefit.records.comparison import ComparisonRecord
from edgefit.records.learning_curve import LearningCurveRecord
from edgefit.records.record import Record
from edgefit.records.retention import RetentionRecord
from edgefit.records.train import EpochRow, ProbeRecord, TrainRecord

Facts = dict[str, Any]

FIGURE = {"value": 0.9, "low": 0.8, "high": 0.95}
UNKNOWN = {"value": None, "low": None, "high": None}
CLASS = {"label": "dent", "support": 9, "precision": FIGURE, "recall": FIGURE, "f1": UNKNOWN}
VALIDATION = {"accuracy": 0.75, "balanced_accuracy": 0.5, "macro_f1": 0.25, "loss": 1.5}
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
CHECK = {
    "images": 3,
    "groups": 2,
    "classes": ["good", "dent"],
    "images_by_split_and_class": {"train": {"good": 1, "dent": 2}},
    "groups_by_split_and_class": {"train": {"good": 1, "dent": 1}},
    "width": {"min": 8, "median": 9.5, "max": 12},
    "height": {"min": 8, "median": 8.0, "max": 8},
    "grey": 1,
    "colour": 2,
    "near_black": 0,
    "near_white": 1,
    "fingerprint": "ab",
    "unreadable": {"a.png": "no such file"},
    "findings": [{"level": "info", "code": "x", "message": "Said.", "paths": ["b.png"]}],
    "root": "/data",
    "dropped_leaks": ["c.png"],
    "source_fingerprint": "cd",
}
RETAINED = {"before": FIGURE, "after": FIGURE, "kept": UNKNOWN}
LINEAR = {"before": {**FIGURE, "strength": 0.1}, "after": {**FIGURE, "strength": 0.01}}
RETENTION = {
    "general": {
        "root": "/general",
        "classes": 2,
        "replay_images": 4,
        "probe_images": 4,
        "unreadable": {},
        "duplicates": ["d.png"],
        "fingerprint": "ef",
    },
    "images": 4,
    "classes": 2,
    "k": 10,
    "confidence": 0.95,
    "neighbours": RETAINED,
    "linear": {**LINEAR, "kept": FIGURE},
    "notes": [],
    "seconds": 1.5,
    "source_fingerprint": None,
}
GAIN = {"gain": 0.1, "low": None, "high": 0.2}
SAME_IMAGES = {"data_fingerprint": "ab", "test_images": 9, "test_groups": 3, "confidence": 0.95}
COMPARISON = {
    "metric": "accuracy",
    **SAME_IMAGES,
    "general_images": 4,
    "general_classes": 2,
    "k": 10,
    "arms": [
        {
            "name": "distill",
            "settings": {"train.keep.distill": 1.0, "train.mode": "full", "train.epochs": 3},
            "metrics": {"accuracy": FIGURE},
            "worst_class": CLASS,
            "retention": {"neighbours": RETAINED, "linear": {**LINEAR, "kept": FIGURE}},
            "kept": {"neighbours": UNKNOWN, "linear": FIGURE},
            "training_seconds": 9.5,
            "over_none": GAIN,
            "over_probe": None,
        }
    ],
    "notes": ["A note."],
    "drawings": ["comparison.svg"],
}
CURVE = {
    "metric": "accuracy",
    **SAME_IMAGES,
    "rule": "The rule.",
    "epochs_scale": 0.5,
    "seed": 0,
    "points": [
        {
            "arm": "finetune",
            "percent": 5.0,
            "images": 3,
            "groups": 2,
            "epochs": 0,
            "training_seconds": 1.5,
            "metrics": {"accuracy": FIGURE},
            "worst_class": CLASS,
        }
    ],
    "step": {"from": 5.0, "to": 10.0, **GAIN},
    "advantage": [{"percent": 5.0, **GAIN}],
    "conclusion": "It is still rising.",
    "drawings": ["learning-curve.svg"],
}


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (CheckRecord, CHECK),
        (LabelsRecord, {"labels": ["good", "dent"], "sha256": "ab"}),
        (TrainRecord, FULL),
        (TrainRecord, PROBE_ONLY),
        (TrainRecord, {k: v for k, v in FULL.items() if k != "probe"} | {"mode": "full"}),
        (ProbeRecord, PROBE),
        (RetentionRecord, RETENTION),
        (ComparisonRecord, COMPARISON),
        (LearningCurveRecord, CURVE),
        (LearningCurveRecord, CURVE | {"step": None, "advantage": []}),
    ],
)
def test_a_file_is_written_again_as_it_was_read(
    tmp_path: Path, kind: type[Record], facts: Facts
) -> None:
    path = kind.path_in(tmp_path)
    path.parent.mkdir()
    text = json.dumps(facts, indent=2) + "\n"
    path.write_text(text)
    record = kind.read(tmp_path)
    assert record.write(tmp_path) == path
    assert path.read_text() == text
    assert kind.model_validate(record.to_json()) == record


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
