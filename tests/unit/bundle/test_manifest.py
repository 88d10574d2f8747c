"""What a manifest states, and what is refused in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgefit.bundle import (
    FORMAT_VERSION,
    MANIFEST,
    read_bundle,
)
from edgefit.errors import BundleError, IntegrityError
from edgefit.spec import (
    ClassificationRule,
    ConformalRule,
    DefectThreshold,
    InputSpec,
    NoveltyRule,
)
from tests.unit.bundle.small import write


def change_manifest(root: Path, **changes: Any) -> None:
    facts = json.loads((root / MANIFEST).read_text())
    (root / MANIFEST).write_text(json.dumps(facts | changes))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "b")


def test_changed_labels(root: Path) -> None:
    change_manifest(root, labels=["dent", "good"])
    with pytest.raises(IntegrityError, match="class list") as caught:
        read_bundle(root)
    assert caught.value.key == "labels_sha256"


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 0, "1", None, 1.5])
def test_another_format_version(root: Path, version: object) -> None:
    change_manifest(root, format_version=version)
    with pytest.raises(BundleError, match="does not read the bundle") as caught:
        read_bundle(root)
    assert caught.value.expected == "1 or 2 or 3"


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", b'"text"', b"\xff\xfe", b"", b"[" * 100_000], ids=range(6)
)
def test_a_manifest_that_is_not_json(root: Path, content: bytes) -> None:
    (root / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError, match="not valid JSON"):
        read_bundle(root)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"temperature": 0}, "temperature"),
        ({"extra": 1}, "extra"),
        ({"variants": []}, "variants"),
        ({"status": "perhaps"}, "status"),
        ({"task": "guessing"}, "task"),
    ],
)
def test_a_manifest_that_is_not_valid(root: Path, changes: dict[str, Any], key: str) -> None:
    change_manifest(root, **changes)
    with pytest.raises(BundleError, match="manifest is not valid") as caught:
        read_bundle(root)
    assert caught.value.key == key


def test_what_is_listed_twice_is_refused(root: Path) -> None:
    facts = json.loads((root / MANIFEST).read_text())
    for changes, said in (
        ({"variants": facts["variants"] * 2}, "variants are listed twice: onnxruntime/fp32"),
        ({"files": facts["files"] * 2}, "files are listed twice: notes.txt"),
        ({"labels": ["good", "good"]}, "labels are listed twice: good"),
    ):
        change_manifest(root, **(facts | changes))
        with pytest.raises(BundleError, match="manifest is not valid") as caught:
            read_bundle(root)
        assert said in str(caught.value.found)


def test_a_recommendation_must_be_in_the_bundle(root: Path) -> None:
    change_manifest(root, recommended={"default": "openvino/int8"})
    with pytest.raises(BundleError, match="not valid"):
        read_bundle(root)
    change_manifest(root, recommended={"default": "onnxruntime/fp32"})
    read = read_bundle(root, check_hashes=False)
    assert read.manifest.recommended == {"default": "onnxruntime/fp32"}


def test_a_changed_manifest_is_found(root: Path) -> None:
    facts = json.loads((root / MANIFEST).read_text())
    change_manifest(root, input=facts["input"] | {"pad_value": facts["input"]["pad_value"] + 1})
    with pytest.raises(IntegrityError, match="manifest was changed") as caught:
        read_bundle(root)
    assert caught.value.exit_code == 1


def test_an_input_contract_of_another_kind_names_the_manifest(root: Path) -> None:
    change_manifest(root, input=InputSpec(32, 32).to_dict() | {"colour_order": "BGR"})
    with pytest.raises(BundleError) as caught:
        read_bundle(root)
    assert caught.value.key == "input.colour_order"
    assert caught.value.path == str(root / MANIFEST)


POINT = ClassificationRule(
    DefectThreshold("good", "dent", 0.25), ConformalRule(0.95, 0.4), NoveltyRule(0.3, "notes.txt")
)


def test_the_operating_point_is_read_back(tmp_path: Path) -> None:
    assert read_bundle(write(tmp_path / "b", operating=POINT)).operating == POINT


def test_the_rule_is_tagged_by_its_kind(tmp_path: Path) -> None:
    facts = json.loads((write(tmp_path / "b", operating=POINT) / MANIFEST).read_text())
    assert list(facts["operating"]) == ["kind", "threshold", "conformal", "novelty"]
    assert facts["operating"]["kind"] == "classification"
    assert facts["format_version"] == FORMAT_VERSION == 3


def test_without_a_rule_the_plainest_one_of_the_task_decides(root: Path) -> None:
    assert json.loads((root / MANIFEST).read_text())["operating"] is None
    bundle = read_bundle(root)
    assert bundle.operating == ClassificationRule()
    assert not bundle.operating.decides


def test_a_rule_of_an_unknown_kind_is_refused(root: Path) -> None:
    for rule in ({"kind": "guessing"}, {"threshold": None}):
        change_manifest(root, operating=rule)
        with pytest.raises(BundleError, match="manifest is not valid") as caught:
            read_bundle(root)
        assert caught.value.key == "operating"
        assert "expected classification" in str(caught.value.found)


@pytest.mark.parametrize("kind", [[], {}, ["classification"], 3])
def test_the_kind_of_a_rule_is_text(root: Path, kind: object) -> None:
    change_manifest(root, operating={"kind": kind})
    with pytest.raises(BundleError, match="manifest is not valid") as caught:
        read_bundle(root)
    assert caught.value.key == "operating.kind"


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"threshold": {"good": "good", "defect": "rust", "value": 0.5}}, "operating.threshold"),
        (
            {"threshold": {"good": "good", "defect": "dent", "value": 1.5}},
            "operating.threshold.value",
        ),
        ({"conformal": {"coverage": 0.9, "quantile": -1}}, "operating.conformal.quantile"),
        ({"threshold": {"good": "good", "defect": "dent"}}, "operating.threshold.value"),
        ({"conformal": {"coverage": 0.9, "quantile": 0.1, "more": 1}}, "operating.conformal.more"),
    ],
)
def test_an_operating_point_that_cannot_be_is_named(
    root: Path, section: dict[str, Any], key: str
) -> None:
    change_manifest(root, operating={"kind": "classification"} | section)
    with pytest.raises(BundleError) as caught:
        read_bundle(root)
    assert caught.value.key == key


def test_a_changed_threshold_is_seen(tmp_path: Path) -> None:
    root = write(tmp_path / "b", operating=POINT)
    facts = json.loads((root / MANIFEST).read_text())["operating"]
    facts["threshold"]["value"] = 0.9
    change_manifest(root, operating=facts)
    with pytest.raises(IntegrityError, match="manifest was changed"):
        read_bundle(root)


def test_a_classifier_of_one_class_is_refused(root: Path) -> None:
    change_manifest(root, labels=["one"])
    with pytest.raises(BundleError, match="two or more classes") as caught:
        read_bundle(root, check_hashes=False)
    assert caught.value.key == "labels"
