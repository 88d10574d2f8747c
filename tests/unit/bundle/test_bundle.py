"""Bundles: complete or absent, every byte checked, and no path leads out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgefit import bundle as bundle_module
from edgefit.bundle import (
    FORMAT_VERSION,
    MANIFEST,
    BundleWriter,
    Manifest,
    Variant,
    describe_file,
    read_bundle,
    sha256_of,
)
from edgefit.errors import BundleError, InputError, IntegrityError
from edgefit.spec import (
    CLASSIFICATION,
    ClassificationRule,
    ConformalRule,
    DefectThreshold,
    Engine,
    InputSpec,
    LabelMap,
    NoveltyRule,
    Precision,
    VariantKey,
)

LABELS = LabelMap(("good", "dent"))
ONNX = VariantKey(Engine.ONNXRUNTIME, Precision.FP32)


def manifest_of(folder: Path, **changes: Any) -> Manifest:
    variant = Variant(
        engine=Engine.ONNXRUNTIME,
        precision=Precision.FP32,
        files=[describe_file(folder, "onnxruntime/model.onnx")],
    )
    facts: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "status": "verified",
        "name": "tiny",
        "task": CLASSIFICATION,
        "labels": list(LABELS.names),
        "labels_sha256": LABELS.sha256,
        "input": InputSpec(32, 32).to_dict(),
        "variants": [variant],
        "files": [describe_file(folder, "notes.txt")],
    }
    return Manifest(**(facts | changes))


def fill(folder: Path, content: str = "weights") -> None:
    (folder / "onnxruntime").mkdir()
    (folder / "onnxruntime" / "model.onnx").write_text(content)
    (folder / "notes.txt").write_text("notes")


def write(target: Path, content: str = "weights", **changes: Any) -> Path:
    with BundleWriter(target) as writer:
        fill(writer.folder, content)
        return writer.finish(manifest_of(writer.folder, **changes))


def change_manifest(root: Path, **changes: Any) -> None:
    facts = json.loads((root / MANIFEST).read_text())
    (root / MANIFEST).write_text(json.dumps(facts | changes))


def rename_file(root: Path, relative: str) -> None:
    """Let the manifest call notes.txt by another name."""
    facts = json.loads((root / MANIFEST).read_text())
    facts["files"][0]["path"] = relative
    (root / MANIFEST).write_text(json.dumps(facts))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "b")


def test_round_trip(root: Path) -> None:
    bundle = read_bundle(root)
    assert bundle.labels == LABELS
    assert bundle.input == InputSpec(32, 32)
    assert bundle.model_path(ONNX).read_text() == "weights"
    assert bundle.file("notes.txt").read_text() == "notes"
    assert bundle.variant(ONNX).size == 7
    assert [e.path for e in bundle.entries()] == ["onnxruntime/model.onnx", "notes.txt"]
    assert sorted(p.name for p in root.parent.iterdir()) == ["b"]
    assert sorted(p.name for p in root.iterdir()) == [MANIFEST, "notes.txt", "onnxruntime"]


def test_what_the_bundle_does_not_hold(root: Path) -> None:
    bundle = read_bundle(root)
    with pytest.raises(BundleError, match="does not hold this variant") as caught:
        bundle.variant(VariantKey(Engine.OPENVINO, Precision.INT8))
    assert caught.value.expected == "onnxruntime/fp32"
    with pytest.raises(BundleError, match="does not list"):
        bundle.file("onnxruntime/model.onnx")


# -- changed bytes ---------------------------------------------------------------------------


def test_a_changed_byte_is_named_and_exits_with_1(root: Path) -> None:
    path = root / "onnxruntime" / "model.onnx"
    path.write_text("weightz")
    with pytest.raises(IntegrityError, match="was changed") as caught:
        read_bundle(root)
    assert caught.value.path == str(path)
    assert caught.value.exit_code == 1
    assert caught.value.found == sha256_of(path)
    read_bundle(root, check_hashes=False)


def test_a_changed_size_is_seen_without_hashing(root: Path) -> None:
    (root / "notes.txt").write_text("notes and more")
    with pytest.raises(IntegrityError, match="size"):
        read_bundle(root, check_hashes=False)


def test_a_missing_file(root: Path) -> None:
    (root / "notes.txt").unlink()
    with pytest.raises(IntegrityError, match="absent"):
        read_bundle(root)


def test_changed_labels(root: Path) -> None:
    change_manifest(root, labels=["dent", "good"])
    with pytest.raises(IntegrityError, match="class list") as caught:
        read_bundle(root)
    assert caught.value.key == "labels_sha256"


# -- paths that lead out ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "relative",
    [
        "/etc/passwd",
        "../outside.txt",
        "onnxruntime/../../outside.txt",
        "..\\outside.txt",
        "a\\b",
        "C:/outside.txt",
        "C:outside.txt",
        "",
        "notes\0.txt",
    ],
)
def test_a_path_outside_is_refused(root: Path, relative: str) -> None:
    (root.parent / "outside.txt").write_text("notes")
    rename_file(root, relative)
    with pytest.raises(BundleError, match="outside the bundle") as caught:
        read_bundle(root)
    assert not isinstance(caught.value, IntegrityError)
    assert caught.value.exit_code == 2


def test_a_link_that_leads_out_is_refused_and_one_inside_is_not(root: Path) -> None:
    (root.parent / "outside.txt").write_text("notes")
    (root / "in.txt").symlink_to("notes.txt")
    rename_file(root, "in.txt")
    read_bundle(root, check_hashes=False)
    (root / "out.txt").symlink_to(root.parent / "outside.txt")
    rename_file(root, "out.txt")
    with pytest.raises(BundleError, match="outside the bundle"):
        read_bundle(root)


# -- manifests that are not right ------------------------------------------------------------


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 0, "1", None, 1.5])
def test_another_format_version(root: Path, version: object) -> None:
    change_manifest(root, format_version=version)
    with pytest.raises(BundleError, match="another format version") as caught:
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
        ({"labels": ["one"]}, "labels"),
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


def test_a_draft_is_refused_unless_asked_for(tmp_path: Path) -> None:
    root = write(tmp_path / "b", status="draft")
    with pytest.raises(BundleError, match="not passed the gate"):
        read_bundle(root)
    assert read_bundle(root, allow_draft=True).manifest.status == "draft"


def test_no_bundle_here(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, found in (("file", "a file"), ("gone", "nothing"), (".", "a folder without it")):
        with pytest.raises(BundleError, match="No bundle is here") as caught:
            read_bundle(tmp_path / path)
        assert caught.value.found == found


# -- complete or absent ----------------------------------------------------------------------


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), BundleWriter(tmp_path / "b") as writer:
        fill(writer.folder)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_without_finish_nothing_appears(tmp_path: Path) -> None:
    with BundleWriter(tmp_path / "b") as writer:
        fill(writer.folder)
    assert list(tmp_path.iterdir()) == []


def test_files_that_do_not_fit_the_manifest_are_not_published(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError), BundleWriter(tmp_path / "b") as writer:
        fill(writer.folder)
        manifest = manifest_of(writer.folder)
        (writer.folder / "notes.txt").write_text("other")
        writer.finish(manifest)
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_json_does_not_have_are_not_published(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write(tmp_path / "b", lineage={"seed": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_new_bundle_replaces_the_old_one(root: Path) -> None:
    write(root, "other weights")
    assert read_bundle(root).model_path(ONNX).read_text() == "other weights"
    assert sorted(p.name for p in root.parent.iterdir()) == ["b"]


def test_a_killed_writer_leaves_the_old_bundle_and_the_next_one_clears_up(root: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from edgefit.bundle import BundleWriter\n"
        "writer = BundleWriter(pathlib.Path(sys.argv[1])).__enter__()\n"
        "(writer.folder / 'half').write_text('written')\n"
        "os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(root)], check=False)
    assert killed.returncode == 9
    assert read_bundle(root).model_path(ONNX).read_text() == "weights"
    assert len(list(root.parent.iterdir())) == 2
    write(root, "other weights")
    assert sorted(p.name for p in root.parent.iterdir()) == ["b"]


def test_a_failing_last_step_puts_the_old_bundle_back(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        model = self / "onnxruntime" / "model.onnx"
        if model.exists() and model.read_text() == "other weights":
            raise OSError("no space left")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="no space left"):
        write(root, "other weights")
    assert read_bundle(root).model_path(ONNX).read_text() == "weights"
    assert sorted(p.name for p in root.parent.iterdir()) == ["b"]


@pytest.mark.parametrize("name", ["thesis.txt", MANIFEST])
def test_a_folder_of_someone_else_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / name).write_text('{"name": "a web app"}')
    with pytest.raises(InputError, match="is no bundle"):
        BundleWriter(tmp_path / "b")
    assert (tmp_path / "b" / name).read_text() == '{"name": "a web app"}'
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b"]


def test_a_file_at_the_target_is_refused_and_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is no bundle"):
        BundleWriter(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    read_bundle(write(tmp_path / "empty"))


def test_the_bundle_can_be_read_by_other_users(root: Path) -> None:
    assert root.stat().st_mode & 0o555 == 0o555


def test_the_writer_refuses_files_outside(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="outside the bundle"):
        describe_file(tmp_path, "../x")
    assert bundle_module.describe_files(tmp_path, []) == []


# -- the operating point ---------------------------------------------------------------------

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
