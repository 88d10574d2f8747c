"""What cannot be used is refused: one clear error, the right exit code, never a traceback.

Each case runs twice inside the tests' own process, once for people and once with ``--json``. An
exception that the program does not know would come out of ``run`` and fail the test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgefit.cli.main import run
from tests.e2e.program import Built, document, edgefit
from tests.e2e.wrong_cases import CASES, Case, Place


@pytest.fixture
def place(built: Built, bundle_copy: Path, tmp_path: Path, monkeypatch: Any) -> Place:
    """An empty working folder with what a case needs."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return Place(work, built.recipe, built.pictures, bundle_copy, built.run)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_wrong_input_is_one_clear_error(
    case: Case, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = case.arguments(place)
    assert run([*arguments]) == case.exit_code
    stdout, stderr = capsys.readouterr()
    told = " ".join(stderr.split())
    assert stdout == ""
    assert "Traceback" not in stderr
    for fragment in case.says:
        assert fragment in told
    is_usage = "Usage: edgefit" in stderr
    assert is_usage or stderr.count("error:") == 1
    assert is_usage or "what to do:" in told or "expected:" in told

    assert run([*arguments, "--json"]) == case.exit_code
    stdout, stderr = capsys.readouterr()
    facts = json.loads(stdout)
    assert facts["error"] == "UsageError" if is_usage else facts["error"].endswith("Error")
    said = json.dumps(facts, ensure_ascii=False)
    for fragment in case.says:
        assert json.dumps(fragment)[1:-1] in said or fragment in said
    assert "error:" not in stderr


def test_every_case_has_its_own_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 50


def test_weights_from_the_network_name_three_ways_out_when_there_is_none(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(place.folder / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nothing listens
    arguments = [*place.train("--weights", "imagenet"), "--json"]
    result = edgefit(*arguments, cwd=place.folder)
    assert result.returncode == 2
    facts = document(result)
    assert facts["error"] == "WeightsError"
    assert facts["path"].startswith("https://download.pytorch.org/models/squeezenet1_1-")
    for way in ("(1) connect", "(2) download", str(place.folder / "cache"), "(3) give a file"):
        assert way in facts["remedy"]
    assert "Traceback" not in result.stderr
    assert list((place.folder / "cache").rglob("*.pth*")) == []


def test_exit_codes_reach_the_shell(place: Place) -> None:
    wrong = edgefit("verify", place.folder, "--json", cwd=place.folder)
    assert (wrong.returncode, document(wrong)["error"]) == (2, "InputError")
    damaged = edgefit(*place.flip_a_byte("golden/000.png"), cwd=place.folder)
    assert (damaged.returncode, damaged.stdout) == (1, "")
    assert "golden/000.png" in damaged.stderr
    assert "Traceback" not in wrong.stderr + damaged.stderr
