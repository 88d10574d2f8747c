"""``edgefit verify`` on a bundle: its bytes, and its golden frames."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from edgefit.cli.main import run
from tests.tiny_models import ORT_FP32, write_tiny_bundle

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "bundle", [ORT_FP32])


def test_the_bytes_of_every_file_are_checked(bundle: Path, capsys: Capture) -> None:
    assert run(["verify", str(bundle)]) == 0
    stdout, stderr = capsys.readouterr()
    files = [path for path in bundle.rglob("*") if path.is_file()]
    assert f"{len(files) - 1} files match the hashes" in stdout, "all but the manifest itself"
    assert f"edgefit verify {bundle} --self-test" in stderr


def test_the_next_command_works_for_a_path_with_a_blank(tmp_path: Path, capsys: Capture) -> None:
    bundle = write_tiny_bundle(tmp_path / "my bundle", [ORT_FP32])
    assert run(["verify", str(bundle)]) == 0
    (command,) = [line for line in capsys.readouterr().err.splitlines() if "--self-test" in line]
    program, *words = shlex.split(command)
    assert (program, words[1]) == ("edgefit", str(bundle))
    assert run(words) == 0
    assert f"edgefit benchmark '{bundle}'" in capsys.readouterr().err


def test_the_self_test_replays_the_golden_frames(bundle: Path, capsys: Capture) -> None:
    assert run(["verify", str(bundle), "--self-test"]) == 0
    stdout, _ = capsys.readouterr()
    assert "3 golden frames" in stdout
    (row,) = [line.split() for line in stdout.splitlines() if "onnxruntime/fp32" in line]
    assert row[1] == "passed"

    assert run(["verify", str(bundle), "--self-test", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["passed"] and facts["self_test"]["frames"] == 3


@pytest.mark.parametrize("options", [[], ["--self-test"], ["--self-test", "--json"]])
def test_a_changed_byte_is_exit_code_1_and_names_the_file(
    bundle: Path, capsys: Capture, options: list[str]
) -> None:
    damaged = bundle / "golden" / "000.png"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert run(["verify", str(bundle), *options]) == 1
    stdout, stderr = capsys.readouterr()
    assert str(damaged) in (stdout if "--json" in options else "".join(stderr.split()))


def test_neither_a_run_nor_a_bundle(tmp_path: Path, capsys: Capture) -> None:
    assert run(["verify", str(tmp_path), "--json"]) == 2
    facts = json.loads(capsys.readouterr().out)
    assert (facts["error"], facts["path"]) == ("InputError", str(tmp_path))


def test_a_bundle_has_no_recipe_to_set(bundle: Path, capsys: Capture) -> None:
    assert run(["verify", str(bundle), "--set", "verify.max_drop=1"]) == 2
    assert "--set applies to a run" in capsys.readouterr().err
