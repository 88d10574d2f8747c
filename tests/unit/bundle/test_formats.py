"""Bundles that older releases wrote are read, and answer as before."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from edgefit.bundle import FORMAT_VERSION, MANIFEST, read_bundle
from edgefit.bundle.formats import to_newest
from edgefit.errors import BundleError, IntegrityError
from edgefit.runtime.predictor import load
from edgefit.runtime.selftest import self_test
from edgefit.spec import (
    ClassificationRule,
    ConformalRule,
    Enlarge,
    InputSpec,
    NoveltyRule,
)
from tests.tiny_models import LABELS, ORT_FP32, colour_frame, write_tiny_bundle

OLD_RULE = {
    "threshold": None,
    "conformal": {"coverage": 0.9, "quantile": 0.4},
    "novelty": None,
}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_old(folder: Path, version: int, rule: dict[str, Any] | None) -> Path:
    """The tiny bundle in the layout of format 1 or 2, hashes and all."""
    enlarge = Enlarge.BILINEAR if version == 1 else Enlarge.LANCZOS
    root = write_tiny_bundle(folder, [ORT_FP32], spec=InputSpec(16, 16, enlarge=enlarge))
    golden = root / "golden" / "golden.json"
    answers = json.loads(golden.read_text())
    answers["outputs"] = {k: v["probabilities"] for k, v in answers["outputs"].items()}
    golden.write_text(json.dumps(answers))
    facts = json.loads((root / MANIFEST).read_text())
    facts["format_version"], facts["thresholds"] = version, {}
    del facts["operating"], facts["sha256"]
    if rule is not None:
        facts["operating"] = rule
    for entry in facts["files"]:
        if entry["path"] == "golden/golden.json":
            data = golden.read_bytes()
            entry |= {"sha256": sha256(data), "size": len(data)}
    facts["sha256"] = sha256(json.dumps(facts, sort_keys=True).encode())
    (root / MANIFEST).write_text(json.dumps(facts))
    return root


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("rule", [None, OLD_RULE])
def test_an_older_bundle_is_read_and_answers(
    tmp_path: Path, version: int, rule: dict[str, Any] | None
) -> None:
    root = write_old(tmp_path / "old", version, rule)
    bundle = read_bundle(root)
    assert bundle.manifest.format_version == version
    conformal = None if rule is None else ConformalRule(0.9, 0.4)
    assert bundle.operating == ClassificationRule(conformal=conformal)
    assert self_test(bundle, variants=[ORT_FP32]).passed
    now = load(write_tiny_bundle(tmp_path / "now", [ORT_FP32]))
    for name in LABELS.names:
        frame = colour_frame(name)
        assert load(root)(frame).label == now(frame).label == name


@pytest.mark.parametrize("version", [1, 2])
def test_a_change_to_an_older_manifest_is_seen(tmp_path: Path, version: int) -> None:
    root = write_old(tmp_path / "old", version, OLD_RULE)
    facts = json.loads((root / MANIFEST).read_text())
    facts["operating"]["conformal"]["quantile"] = 0.9
    (root / MANIFEST).write_text(json.dumps(facts))
    with pytest.raises(IntegrityError, match="manifest was changed"):
        read_bundle(root)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"operating": {"kind": "classification", **OLD_RULE}}, "operating.kind"),
        ({"operating": {"kind": None}}, "operating.kind"),
        ({"thresholds": []}, "thresholds"),
        ({"thresholds": None}, "thresholds"),
    ],
)
def test_what_the_readers_of_an_older_format_refused_is_refused(
    tmp_path: Path, version: int, changes: dict[str, Any], key: str
) -> None:
    root = write_old(tmp_path / "old", version, OLD_RULE)
    facts = json.loads((root / MANIFEST).read_text())
    (root / MANIFEST).write_text(json.dumps(facts | changes))
    with pytest.raises(BundleError, match="manifest is not valid") as caught:
        read_bundle(root, check_hashes=False)
    assert caught.value.key == key
    assert caught.value.path == str(root / MANIFEST)


def test_an_older_manifest_becomes_the_newest_and_is_left_as_it_was() -> None:
    facts = {"format_version": 2, "thresholds": {}, "operating": {"novelty": None}}
    before = json.loads(json.dumps(facts))
    newest = {"format_version": 2, "operating": {"kind": "classification", "novelty": None}}
    assert to_newest(facts) == newest
    assert facts == before
    current = {"format_version": FORMAT_VERSION, "operating": None}
    assert to_newest(current) == current


def test_the_reader_of_a_rule_keeps_its_parts(tmp_path: Path) -> None:
    rule = {"novelty": {"threshold": 0.5, "prototypes": "p.npy"}}
    read = read_bundle(write_old(tmp_path / "old", 1, rule)).operating
    assert read == ClassificationRule(novelty=NoveltyRule(0.5, "p.npy"))
