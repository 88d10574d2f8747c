"""``edgefit check``: a table for people, one document for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefit.cli.main import run
from edgefit.data.synthetic import generate

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = generate(tmp_path / "images", images=48, size=32, classes=("good", "hole"))
    (folder / "hole" / "part_90000_view_1.jpg").write_text("no image", encoding="utf-8")
    return folder


@pytest.fixture
def command(images: Path, tmp_path: Path) -> list[str]:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: parts\ndata: {group: 'part_\\d+'}\n", encoding="utf-8")
    return ["check", str(recipe), "--data", str(images), "--out", str(tmp_path / "run")]


def test_people_read_a_table_the_findings_and_what_comes_next(
    command: list[str], tmp_path: Path, capsys: Capture
) -> None:
    assert run(command) == 0
    stdout, stderr = capsys.readouterr()
    counts = {line.split()[0]: line.split()[1:] for line in stdout.splitlines() if line.split()}
    assert counts["class"] == ["train", "val", "test"]
    both = [int(a) + int(b) for a, b in zip(counts["good"], counts["hole"], strict=True)]
    assert both == [int(text) for text in counts["all"]]
    assert "unreadable: hole/part_90000_view_1.jpg" in " ".join(stderr.split())
    assert f"edgefit train {tmp_path / 'run'}" in stderr


def test_the_closing_line_counts_every_file(
    command: list[str], images: Path, capsys: Capture
) -> None:
    (images / "good" / "._a.jpg").write_bytes(b"")
    (images / "good" / "notes.txt").write_bytes(b"")
    assert run(command) == 0
    stderr = capsys.readouterr().err
    read = "images read, 1 unreadable, 2 files passed over (hidden: 1 .jpg; not an image: 1 .txt)"
    assert read in stderr
    assert run([*command, "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)["passed_over"]
    assert [(part["reason"], part["files"]) for part in counted] == [
        ("hidden", 1),
        ("not an image", 1),
    ]


def test_programs_read_one_document_that_is_the_record(
    command: list[str], tmp_path: Path, capsys: Capture
) -> None:
    assert run([*command, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    record = json.loads((tmp_path / "run" / "check" / "check.json").read_text(encoding="utf-8"))
    assert facts.items() >= record.items()
    assert list(facts["unreadable"]) == ["hole/part_90000_view_1.jpg"]


def test_quiet_says_only_what_is_wrong(command: list[str], capsys: Capture) -> None:
    assert run([*command, "--quiet", "--json"]) == 0
    stdout, stderr = capsys.readouterr()
    assert json.loads(stdout)
    assert stderr == ""


@pytest.mark.parametrize(("option", "name"), [("--data", "nowhere"), ("--weights", "nowhere.pth")])
def test_what_is_not_there_is_named_and_nothing_is_written(
    command: list[str], tmp_path: Path, capsys: Capture, option: str, name: str
) -> None:
    assert run([*command, option, str(tmp_path / name), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["path"] == str(tmp_path / name)
    assert not (tmp_path / "run").exists()
