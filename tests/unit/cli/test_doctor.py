"""``edgefit doctor``: what is there, what is missing, and the command that installs it."""

from __future__ import annotations

import json
from importlib import metadata

import pytest

from edgefit.cli import doctor
from edgefit.cli.main import run

Capture = pytest.CaptureFixture[str]


def test_one_document_with_the_versions_that_are_installed(capsys: Capture) -> None:
    assert run(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert list(facts) == ["machine", "gpu", "packages", "engines", "roles"]
    assert facts["packages"]["onnxruntime"] == metadata.version("onnxruntime")
    assert "CPUExecutionProvider" in facts["engines"]["onnxruntime"]["providers"]
    assert facts["roles"]["device"]["missing"] == []


def test_what_is_missing_is_told_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    version = doctor.version_of
    absent = {"openvino", "torch"}
    monkeypatch.setattr(
        doctor, "version_of", lambda name: None if name in absent else version(name)
    )
    assert run(["doctor"]) == 0
    stdout, stderr = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in stdout.splitlines() if line.split()}
    assert rows["device"] == ["yes", "-"]
    assert rows["workshop"][:1] == ["no"]
    assert {name.strip(",") for name in rows["workshop"][1:]} == absent
    assert 'pip install "edgefit[openvino]"' in stderr
    assert 'pip install "edgefit[workshop]"' in stderr


def test_a_role_whose_packages_are_unknown_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(doctor, "required_packages", lambda role=None: None)
    assert run(["doctor"]) == 0
    stdout, stderr = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in stdout.splitlines() if line.split()}
    for role in ("device", "openvino", "workshop"):
        assert rows[role] == ["unknown", "unknown"]
    assert 'pip install "edgefit[workshop]"' in stderr
    assert run(["doctor", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["packages"] == {}
    assert [role["missing"] for role in facts["roles"].values()] == [None] * 3


def test_where_nothing_is_missing_the_demo_comes_next(capsys: Capture) -> None:
    assert run(["doctor"]) == 0
    assert "edgefit demo" in capsys.readouterr().err
