"""``edgefit watch`` on a tiny bundle: what is written where, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from edgefit.cli.main import run
from tests.tiny_models import LABELS, ORT_FP32, colour_frame, write_tiny_bundle
from tests.unit.runtime.monitor.test_systemd import listening

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("made") / "bundle", [ORT_FP32])


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "line" / "inbox"
    folder.mkdir(parents=True)
    for number, name in enumerate(LABELS.names):
        bgr = cv2.cvtColor(colour_frame(name), cv2.COLOR_RGB2BGR)
        assert cv2.imwrite(str(folder / f"{number}.png"), bgr)
    (folder / "notes.txt").touch()
    return folder


def watch(bundle: Path, inbox: Path, *options: str) -> int:
    return run(["watch", str(bundle), str(inbox), "--once", "--settle", "0", *options])


def test_the_lines_are_those_of_predict_with_what_the_plant_needs(
    bundle: Path, inbox: Path, capsys: Capture
) -> None:
    assert run(["predict", str(bundle), str(inbox)]) == 0
    predicted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert watch(bundle, inbox) == 0
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    text = (inbox.parent / "results.jsonl").read_text(encoding="utf-8")
    watched = {facts["name"]: facts for facts in map(json.loads, text.splitlines())}
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    for facts in predicted:
        found = watched[facts["name"]]
        assert list(found)[: len(facts)] == list(facts)
        assert {k: found[k] for k in facts if k != "index"} == {
            k: v for k, v in facts.items() if k != "index"
        }
        assert found["bundle"] == manifest["sha256"]
        assert found["variant"] == "onnxruntime/fp32"
    assert "3 answered, 0 failed; in the inbox: 0 to answer; passed over" in stderr
    assert stderr.count("passed over: not an image: 1 .txt") == 2, "at the start and at the end"


def test_json_is_one_document(bundle: Path, inbox: Path, capsys: Capture) -> None:
    (inbox / "bad.png").write_bytes(b"no image")
    assert watch(bundle, inbox, "--json") == 0
    stdout, stderr = capsys.readouterr()
    facts = json.loads(stdout)
    assert stderr == ""
    assert (facts["answered"], facts["failed"], facts["lines"], facts["left"]) == (3, 1, 4, 0)
    assert facts["passed_over"] == [
        {"reason": "not an image", "suffix": ".txt", "files": 1, "example": "notes.txt"}
    ]
    assert facts["stopped_by"] is None


def test_quiet_says_nothing(bundle: Path, inbox: Path, capsys: Capture) -> None:
    assert watch(bundle, inbox, "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_the_places_can_be_chosen(bundle: Path, inbox: Path, tmp_path: Path) -> None:
    options = ("--done", str(tmp_path / "d"), "--failed", str(tmp_path / "f"))
    assert watch(bundle, inbox, *options, "--out", str(tmp_path / "r.jsonl")) == 0
    assert len(list((tmp_path / "d").iterdir())) == 3
    assert len((tmp_path / "r.jsonl").read_bytes().splitlines()) == 3


def test_nothing_readable_is_exit_code_1_and_nothing_at_all_is_0(bundle: Path, inbox: Path) -> None:
    for path in inbox.glob("*.png"):
        path.write_bytes(b"no image")
    assert watch(bundle, inbox) == 1
    assert watch(bundle, inbox) == 0


@pytest.mark.parametrize(
    ("options", "fragment"),
    [
        (["--out", "x.csv"], "not CSV"),
        (["--interval", "0"], "interval"),
        (["--settle", "-1"], "settle"),
        (["--top-k", "0"], "top-k"),
        (["--variant", "openvino/fp32"], "openvino/fp32"),
    ],
)
def test_a_wrong_option_is_exit_code_2_and_moves_nothing(
    bundle: Path, inbox: Path, capsys: Capture, options: list[str], fragment: str
) -> None:
    assert watch(bundle, inbox, *options) == 2
    assert fragment in capsys.readouterr().err
    assert len(list(inbox.iterdir())) == 4


def test_places_inside_the_inbox_are_refused(bundle: Path, inbox: Path, capsys: Capture) -> None:
    assert watch(bundle, inbox, "--done", str(inbox / "done"), "--json") == 2
    assert "lies inside" in json.loads(capsys.readouterr().out)["message"]


def test_systemd_hears_when_it_is_ready_and_that_it_lives(
    bundle: Path, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(str(tmp_path / "notify")) as listener:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1")
        assert watch(bundle, inbox) == 0
        ready, *beats, stopping = [listener.recv(4096) for _ in range(5)]
    assert ready.startswith(b"READY=1\nSTATUS=watching ") and ready.endswith(b"onnxruntime/fp32")
    assert set(beats) == {b"WATCHDOG=1"} and stopping == b"STOPPING=1"
