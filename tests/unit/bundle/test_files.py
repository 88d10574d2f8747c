"""Files of a bundle: every byte is checked, and no path leads out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefit import bundle as bundle_module
from edgefit.bundle import (
    MANIFEST,
    describe_file,
    read_bundle,
    sha256_of,
)
from edgefit.errors import BundleError, IntegrityError
from tests.unit.bundle.small import write


def rename_file(root: Path, relative: str) -> None:
    """Let the manifest call notes.txt by another name."""
    facts = json.loads((root / MANIFEST).read_text())
    facts["files"][0]["path"] = relative
    (root / MANIFEST).write_text(json.dumps(facts))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "b")


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
    with pytest.raises(IntegrityError, match="missing"):
        read_bundle(root)


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


def test_the_writer_refuses_files_outside(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="outside the bundle"):
        describe_file(tmp_path, "../x")
    assert bundle_module.describe_files(tmp_path, []) == []
