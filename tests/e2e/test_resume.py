"""What is stopped half-way and started again ends as if it had not been stopped."""

from __future__ import annotations

import csv
import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

import pytest

from edgefit.bundle import read_bundle
from tests.e2e.program import Built, Result, edgefit, start_edgefit, stop, wait_until

EPOCHS = 6
# All that draws at random is on: augmentation, the sampler, dropout, mixing; there are two phases,
# an average of the weights, a change of size on the way, and a choice between the phases' ends.
OPTIONS = [
    *("--set", f"train.epochs={EPOCHS}", "--set", "train.mode=probe-then-full"),
    *("--set", "train.augment=conveyor", "--set", "train.balance=sampler"),
    *("--set", "train.mix.mixup=0.2", "--set", "train.mix.cutmix=1.0"),
    *("--set", "train.ema_decay=0.9", "--set", "train.batch_norm=learned"),
    *("--set", "train.resizing.share=0.3", "--set", "train.interpolation.points=3"),
    *("--set", "train.probe.views=4", "--set", "train.probe.folds=8"),
    *("--set", "input.width=96", "--set", "input.height=96"),
]
Watch = Callable[[Path, "Popen[str]"], None]


def train(built: Built, run: Path) -> tuple[str | Path, ...]:
    return ("train", built.recipe, "--data", built.pictures, "--out", run, "--json", *OPTIONS)


def log(run: Path) -> list[dict[str, str]]:
    path = run / "train" / "log.csv"
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def without_time(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    clock = ("seconds", "images_per_second")
    return [{k: v for k, v in row.items() if k not in clock} for row in rows]


def last_line(result: Result) -> str:
    return result.stderr.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def undisturbed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose training was left alone."""
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    result = edgefit(*train(built, run), cwd=run.parent)
    assert result.returncode == 0, result.stderr
    assert len(log(run)) == EPOCHS
    assert {row["phase"] for row in log(run)} == {"full"}
    assert (run / "train" / "probe.safetensors").is_file()
    return run


def in_the_middle_of_an_epoch(run: Path, process: Popen[str]) -> None:
    """A random moment after a random epoch."""
    chance = random.Random(7)
    done = chance.randint(1, EPOCHS - 2)
    wait_until(lambda: len(log(run)) >= done, process)
    time.sleep(chance.uniform(0.2, 0.8) * float(log(run)[-1]["seconds"]))


def while_a_checkpoint_is_written(run: Path, process: Popen[str]) -> None:
    """Just after the log of an epoch, which is written right before its checkpoint."""
    wait_until((run / "train" / "last.ckpt").is_file, process)
    before = len(log(run))
    wait_until(lambda: len(log(run)) > before, process)


def before_the_first_checkpoint(run: Path, process: Popen[str]) -> None:
    """Training has begun, nothing can be taken up again."""
    wait_until((run / "stamps" / "train.started.json").is_file, process)


def between_features_and_probe(run: Path, process: Popen[str]) -> None:
    """In phase one: some features are on disk, the probe is not."""
    wait_until(lambda: features(run) != [], process)
    assert not (run / "train" / "probe.safetensors").exists()


def features(run: Path) -> list[Path]:
    return sorted((run / "train" / "features").rglob("*.npz"))


@pytest.mark.parametrize(
    ("moment", "sign"),
    [
        (between_features_and_probe, signal.SIGKILL),
        (in_the_middle_of_an_epoch, signal.SIGKILL),
        (while_a_checkpoint_is_written, signal.SIGKILL),
        (before_the_first_checkpoint, signal.SIGKILL),
        (in_the_middle_of_an_epoch, signal.SIGINT),
    ],
)
def test_stopped_training_ends_with_the_same_weights(
    built: Built, undisturbed: Path, tmp_path: Path, moment: Watch, sign: signal.Signals
) -> None:
    run = tmp_path / "run"
    with start_edgefit(*train(built, run), cwd=tmp_path) as process:
        moment(run, process)
        stopped = stop(process, sign)
    assert len(log(run)) < EPOCHS
    assert not (run / "stamps" / "train.done.json").exists()
    if sign is signal.SIGKILL:
        assert stopped.returncode == -signal.SIGKILL
    else:
        assert stopped.returncode == 130, stopped.stderr
        assert last_line(stopped) == "interrupted; run the same command again to continue"
        assert "Traceback" not in stopped.stderr
        assert json.loads(stopped.stdout)["error"] == "Interrupted"
    has_checkpoint = (run / "train" / "last.ckpt").is_file()
    in_phase_one = not (run / "train" / "probe.safetensors").exists()
    assert in_phase_one or moment is not between_features_and_probe
    kept = {path: path.stat().st_mtime_ns for path in features(run)}

    again = edgefit(*train(built, run), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert ("training resumes after epoch" in again.stderr) == has_checkpoint
    assert has_checkpoint or moment in (before_the_first_checkpoint, between_features_and_probe)
    if in_phase_one:
        assert kept == {path: path.stat().st_mtime_ns for path in kept}, "computed again"
        networks = {path.parent.parent for path in features(run)}
        assert len(networks) == 1, "features of another network"
    best = Path("train", "best.safetensors")
    assert (run / best).read_bytes() == (undisturbed / best).read_bytes()
    assert without_time(log(run)) == without_time(log(undisturbed))
    assert list((run / "train").glob("*.part")) == []


def test_build_stopped_in_export_leaves_none_and_goes_on(built: Built, run_copy: Path) -> None:
    for stage in ("export", "bundle"):
        shutil.rmtree(run_copy / stage)
    few = ("--set", "export.engines=[onnxruntime]", "--set", "export.precisions=[fp32,int8]")
    build = ("build", built.recipe, "--data", built.pictures, "--out", run_copy, "--json", *few)

    def beside() -> list[Path]:
        return list(run_copy.glob(".export-*"))

    def is_writing() -> bool:
        with suppress(FileNotFoundError):  # the writer removes what the killed one left
            return any(
                (folder / "onnxruntime" / "model.fp32.onnx").is_file() for folder in beside()
            )
        return False

    with start_edgefit(*build, cwd=run_copy.parent) as process:
        wait_until(is_writing, process)
        killed = stop(process, signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert not (run_copy / "export").exists()
    (left_over,) = beside()

    with start_edgefit(*build, cwd=run_copy.parent) as process:
        wait_until(lambda: is_writing() and left_over not in beside(), process)
        interrupted = stop(process, signal.SIGINT)
    assert interrupted.returncode == 130, interrupted.stderr
    assert last_line(interrupted) == "interrupted; run the same command again to continue"
    assert "Traceback" not in interrupted.stderr
    assert not (run_copy / "export").exists()
    assert beside() == []

    ended = edgefit(*build, cwd=run_copy.parent)
    assert ended.returncode == 0, ended.stderr
    assert "train: already done with these inputs" in ended.stderr
    variants = read_bundle(run_copy / "bundle").manifest.variants
    assert [str(v.key) for v in variants] == ["onnxruntime/fp32", "onnxruntime/int8"]
    assert beside() == []
