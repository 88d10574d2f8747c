"""A bundle is complete or absent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgefit.bundle import (
    MANIFEST,
    BundleWriter,
    read_bundle,
)
from edgefit.errors import InputError, IntegrityError
from tests.unit.bundle.small import ONNX, fill, manifest_of, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "b")


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
    with pytest.raises(InputError, match="is not a bundle"):
        BundleWriter(tmp_path / "b")
    assert (tmp_path / "b" / name).read_text() == '{"name": "a web app"}'
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b"]


def test_a_file_at_the_target_is_refused_and_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is not a bundle"):
        BundleWriter(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    read_bundle(write(tmp_path / "empty"))


def test_the_bundle_can_be_read_by_other_users(root: Path) -> None:
    assert root.stat().st_mode & 0o555 == 0o555
