"""Facts that several records hold, and a file that is read and written again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgefit.records.record import Record

Facts = dict[str, Any]
FIGURE = {"value": 0.9, "low": 0.8, "high": 0.95}
UNKNOWN = {"value": None, "low": None, "high": None}
CLASS = {"label": "dent", "support": 9, "precision": FIGURE, "recall": FIGURE, "f1": UNKNOWN}
VALIDATION = {"accuracy": 0.75, "balanced_accuracy": 0.5, "macro_f1": 0.25, "loss": 1.5}
RETAINED = {"before": FIGURE, "after": FIGURE, "kept": UNKNOWN}
LINEAR = {"before": {**FIGURE, "strength": 0.1}, "after": {**FIGURE, "strength": 0.01}}
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


def written_again(root: Path, kind: type[Record], facts: Facts) -> Record:
    """Read a record from a file with these facts; the file it writes is the same to the byte."""
    path = kind.path_in(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(facts, indent=2) + "\n"
    path.write_text(text, encoding="utf-8")
    record = kind.read(root)
    assert record.write(root) == path
    assert path.read_text(encoding="utf-8") == text
    assert kind.model_validate(record.to_json()) == record
    return record
