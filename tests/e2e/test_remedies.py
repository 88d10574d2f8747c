"""Remedies work when typed: a real error, the command it prints, and no error after that."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgefit.cli.main import run
from edgefit.errors import RunError
from edgefit.evaluate.saved import SavedOutputs
from edgefit.stages.calibrate import calibrate
from edgefit.stages.evaluate import evaluate
from tests.trained_run import solved_run, write_discs

Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run up to ``evaluate``, in a folder whose name a shell would take apart."""
    folder = tmp_path_factory.mktemp("remedies") / "it's $HOME"
    folder.mkdir()
    images = write_discs(folder / "images", {"dark": 40, "light": 40})
    made = solved_run(folder / "-a run", images)
    calibrate(made)
    evaluate(made)
    return made.root


def commands(remedy: str) -> list[list[str]]:
    """The commands in backticks, as a shell splits them."""
    return [shlex.split(text) for text in re.findall(r"`([^`]+)`", remedy)]


def remove(relative: str) -> Damage:
    """Remove a file or a folder of the run."""

    def damage(root: Path) -> None:
        path = root / relative
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def spoil(relative: str, text: str) -> Damage:
    """Write something else into a file of the run."""

    def damage(root: Path) -> None:
        (root / relative).write_text(text)

    return damage


SAVED = "evaluate/probabilities.npz"
CALIBRATE = ["calibrate", "--set", "operating.coverage=0.8"]
EVALUATE = ["evaluate"]
CASES: dict[str, tuple[list[str], Damage]] = {
    "the figures of check are gone": (CALIBRATE, remove("check/check.json")),
    "the stamp of check is gone": (CALIBRATE, remove("stamps/check.done.json")),
    "the stamp of check is damaged": (CALIBRATE, spoil("stamps/check.done.json", "{")),
    "the table is gone": (CALIBRATE, remove("check/samples.csv")),
    "the table is something else": (CALIBRATE, spoil("check/samples.csv", "a,b\n1,2\n")),
    "a row is damaged": (CALIBRATE, spoil("check/samples.csv", "path,label,split,group\nx\n")),
    "the class list is damaged": (CALIBRATE, spoil("check/labels.json", "[]")),
    "the operating point is gone": (EVALUATE, remove("calibrate/operating.json")),
    "the operating point is damaged": (EVALUATE, spoil("calibrate/operating.json", "{}")),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_commands_of_a_remedy_end_the_error(
    name: str, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, damage = CASES[name]
    root = shutil.copytree(finished, tmp_path / "it's $HOME" / "-a run")
    damage(root)
    (root / "stamps" / "evaluate.done.json").unlink()
    asked = [verb[0], str(root), *verb[1:], "--json"]
    assert run(asked) == 2
    remedy = json.loads(capsys.readouterr().out)["remedy"]
    for _ in range(4):  # the first missing stage is named, then the next one
        for program, *words in commands(remedy):
            if program == "edgefit":
                assert run([*words, "--json"]) == 0, (remedy, capsys.readouterr())
            else:
                subprocess.run([program, *words], check=True)
        capsys.readouterr()
        if run(asked) == 0:
            return
        told = json.loads(capsys.readouterr().out)["remedy"]
        assert told != remedy, "the remedy was followed and is given again"
        remedy = told
    raise AssertionError(remedy)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [remove(SAVED), spoil(SAVED, "PK")], ids=["gone", "damaged"])
def test_saved_outputs_are_written_again(
    damage: Damage, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(finished, tmp_path / "a run")
    damage(root)
    with pytest.raises(RunError) as caught:
        SavedOutputs.read(root)
    ((_, *words),) = commands(caught.value.remedy or "")
    assert run(words) == 0
    assert "already done" not in capsys.readouterr().err.split("evaluate")[-1]
    assert len(SavedOutputs.read(root).outputs) > 0
