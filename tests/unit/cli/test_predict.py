"""``edgefit predict`` on a tiny bundle: what is written where, and the exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import pytest

from edgefit.cli.main import run
from tests.tiny_models import LABELS, ORT_FP32, colour_frame, write_tiny_bundle

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("made") / "bundle", [ORT_FP32])


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for number, name in enumerate(LABELS.names):
        bgr = cv2.cvtColor(colour_frame(name), cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(folder / f"{number}_{name}.png"), bgr)
    return folder


def test_one_line_a_frame_in_the_order_of_the_names(
    bundle: Path, images: Path, capsys: Capture
) -> None:
    assert run(["predict", str(bundle), str(images)]) == 0
    stdout, stderr = capsys.readouterr()
    lines = [json.loads(line) for line in stdout.splitlines()]
    assert [line["label"] for line in lines] == list(LABELS.names)
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert all(len(line["top"]) == 3 for line in lines)
    assert "3 frames answered by onnxruntime/fp32, 0 unreadable" in stderr


def test_quiet_leaves_only_the_lines(bundle: Path, images: Path, capsys: Capture) -> None:
    assert run(["predict", str(bundle), str(images), "--quiet", "--top-k", "1"]) == 0
    stdout, stderr = capsys.readouterr()
    assert [len(json.loads(line)["top"]) for line in stdout.splitlines()] == [1, 1, 1]
    assert stderr == ""


@pytest.mark.parametrize(
    ("name", "options", "is_csv"),
    [
        ("out.csv", [], True),
        ("out.jsonl", [], False),
        ("out.txt", ["--format", "csv"], True),
        ("out.csv", ["--json"], False),
    ],
)
def test_the_format_follows_the_option_and_else_the_name(
    bundle: Path, images: Path, tmp_path: Path, name: str, options: list[str], is_csv: bool
) -> None:
    out = tmp_path / name
    command = ["predict", str(bundle), str(images), "--out", str(out), *options]
    assert run(command) == 0
    text = out.read_text(encoding="utf-8")
    if is_csv:
        rows = list(csv.DictReader(text.splitlines()))
    else:
        rows = [json.loads(line) for line in text.splitlines()]
    assert [row["label"] for row in rows] == list(LABELS.names)


def test_an_unreadable_frame_is_a_line_and_none_readable_is_exit_code_1(
    bundle: Path, images: Path, capsys: Capture
) -> None:
    (images / "9.png").write_text("no image", encoding="utf-8")
    assert run(["predict", str(bundle), str(images), "--quiet"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["name"], last["label"]) == ("9.png", None)
    assert last["error"]
    assert run(["predict", str(bundle), str(images / "9.png"), "--quiet"]) == 1


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--variant", "openvino/fp32"], "openvino/fp32"),
        (["--variant", "nonsense"], "nonsense"),
        (["--top-k", "0"], "top-k"),
        (["--threads", "0"], "threads"),
        (["--format", "xml"], "xml"),
    ],
)
def test_a_wrong_option_is_exit_code_2_and_names_it(
    bundle: Path, images: Path, capsys: Capture, options: list[str], fragment: str
) -> None:
    assert run(["predict", str(bundle), str(images), *options]) == 2
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert fragment in stderr


def test_no_bundle_and_no_source_are_refused(
    bundle: Path, images: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert run(["predict", str(tmp_path), str(images), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "BundleError"
    absent = str(tmp_path / "absent.png")
    assert run(["predict", str(bundle), absent, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["path"] == absent


def test_an_image_is_never_written_over(bundle: Path, images: Path, capsys: Capture) -> None:
    picture = next(iter(sorted(images.iterdir())))
    before = picture.read_bytes()
    assert run(["predict", str(bundle), str(images), "--out", str(picture)]) == 2
    assert "--out" in capsys.readouterr().err
    assert picture.read_bytes() == before


def test_a_pattern_without_a_match_says_so(bundle: Path, images: Path, capsys: Capture) -> None:
    assert run(["predict", str(bundle), str(images / "nog*.png")]) == 2
    assert "no file matches the pattern" in capsys.readouterr().err
