"""The stage ``train`` on a few dozen pictures: repeatable, resumable, and what it keeps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch

from edgefit.errors import EdgefitError, RunError, StageError
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.train import TrainRecord
from edgefit.run import RunFolder
from edgefit.stages.calibrate import calibrate
from edgefit.stages.check import check
from edgefit.stages.evaluate import evaluate
from edgefit.stages.train import train as train_stage
from edgefit.train.assembly import load_trained
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import load_card
from edgefit.train.backbones.weights import read_state
from edgefit.train.loop.checkpoint import LAST, EpochCheckpoint
from edgefit.train.weight_files import BEST, PROBE
from tests.shapes import draw_shapes
from tests.stamps import is_done

FAST = ["input.width=32", "input.height=32", "model.backbone=mobilenet_v3_small"] + [
    f"train.{setting}"
    for setting in ("epochs=3", "batch_size=8", "workers=0", "accelerator=cpu", "augment=conveyor")
]

CLOCK = ("second", "engine")
Start = Callable[..., RunFolder]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 40 pixel pictures, unevenly many."""
    return draw_shapes(tmp_path_factory.mktemp("shapes") / "pictures")


@pytest.fixture(scope="module")
def undisturbed(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A training that ran from start to end; read only."""
    run = begin(tmp_path_factory.mktemp("runs") / "undisturbed", recipe_for(pictures))
    train(run)
    return run


@pytest.fixture
def start(pictures: Path, tmp_path: Path) -> Start:
    """Makes a run with checked data; weights are none unless an override says otherwise."""

    def make(name: str, *overrides: str) -> RunFolder:
        return begin(tmp_path / name, recipe_for(pictures, *overrides))

    return make


def begin(root: Path, recipe: Recipe) -> RunFolder:
    """A run with checked data."""
    run = RunFolder(root)
    run.start(recipe)
    check(run)
    return run


def recipe_for(pictures: Path, *overrides: str) -> Recipe:
    facts = {"name": "tiny", "data": {"root": str(pictures)}, "model": {"weights": "none"}}
    return make_recipe(facts, [*FAST, *overrides])


def best(run: RunFolder) -> bytes:
    return (run.root / "train" / BEST).read_bytes()


def train(run: RunFolder) -> TrainRecord:
    """Train in a single process, which always has a record."""
    record = train_stage(run)
    assert record is not None
    return record


def untimed(record: TrainRecord) -> dict[str, Any]:
    """A summary without what a clock decides."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: without(v) for k, v in value.items() if not any(c in k for c in CLOCK)}
        return [without(v) for v in value] if isinstance(value, list) else value

    untimed_: dict[str, Any] = without(record.to_json())
    return untimed_


class Killed(BaseException):
    """Stands for a SIGKILL: nothing in between catches it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, epoch: int, when: str) -> None:
    """Die before or after the files of an epoch are written, or in the middle of writing them."""
    write = EpochCheckpoint.on_train_epoch_end

    def die(self: EpochCheckpoint, trainer: pl.Trainer, module: Any) -> None:
        if module.current_epoch != epoch:
            write(self, trainer, module)
            return
        if when == "before":
            raise Killed
        if when == "between":
            monkeypatch.setattr(
                trainer, "save_checkpoint", lambda *a: (_ for _ in ()).throw(Killed)
            )
        write(self, trainer, module)
        raise Killed

    monkeypatch.setattr(EpochCheckpoint, "on_train_epoch_end", die)


@pytest.mark.slow
def test_two_runs_of_one_seed_end_with_the_same_bytes_and_another_seed_does_not(
    start: Start, undisturbed: RunFolder
) -> None:
    again, other = start("again"), start("other", "train.seed=5")
    summary = train(again)
    train(other)
    assert best(undisturbed) == best(again) != best(other)
    assert untimed(TrainRecord.read(undisturbed.root)) == untimed(summary)
    folder = again.root / "train"
    assert {BEST, LAST, "log.csv", "train.json"} <= {p.name for p in folder.iterdir()}
    assert not list(folder.glob("*.part"))
    assert (folder / "log.csv").read_text().count("\n") == 4
    assert [row.phase for row in summary.history] == ["full"] * 3
    assert (folder / PROBE).is_file()
    highest = max(row.validation["balanced_accuracy"] for row in summary.history)
    near = [row for row in summary.history if row.validation["balanced_accuracy"] == highest]
    assert summary.best.epoch >= near[-1].epoch
    assert TrainRecord.read(again.root) == summary
    assert is_done(again, "train")


@pytest.mark.parametrize(
    ("epoch", "when"), [(0, "before"), (1, "between"), (1, "after"), (2, "after")]
)
@pytest.mark.slow
def test_a_killed_training_ends_with_the_weights_of_an_undisturbed_one(
    start: Start,
    undisturbed: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    epoch: int,
    when: str,
) -> None:
    killed = start("killed")
    with monkeypatch.context() as patch:
        kill_at(patch, epoch, when)
        with pytest.raises(Killed):
            train(killed)
    assert not is_done(killed, "train")
    assert untimed(train(killed)) == untimed(TrainRecord.read(undisturbed.root))
    assert best(killed) == best(undisturbed)


@pytest.mark.slow
def test_a_changed_recipe_starts_again_from_the_beginning(
    start: Start, undisturbed: RunFolder, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start("run", "train.learning_rate=0.01")
    with monkeypatch.context() as patch:
        kill_at(patch, 0, "after")
        with pytest.raises(Killed):
            train(run)
    run.start(recipe_for(pictures))
    train(run)
    assert best(run) == best(undisturbed)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["train.precision=64", "train.accelerator=mps"], "cannot train in the way"),
        (["train.batch_size=1"], "two images in a batch"),
        (["train.augment=convayor"], "convayor"),
        (["model.weights=absent.pth"], "absent.pth"),
        (["train.teacher={run: absent}"], "teacher"),
        (["train.keep.replay=0.5", "retention.general=absent"], "absent"),
    ],
)
@pytest.mark.parametrize("ended", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_what_is_refused_costs_no_training(
    undisturbed: RunFolder,
    pictures: Path,
    tmp_path: Path,
    overrides: list[str],
    words: str,
    ended: bool,
) -> None:
    """Neither one that has ended nor one that was interrupted."""
    shutil.copytree(undisturbed.root, tmp_path / "copy")
    run = RunFolder(tmp_path / "copy")
    if not ended:
        (run.root / "stamps" / "train.done.json").unlink()
        (run.root / "train" / BEST).unlink()
    before = {path: path.read_bytes() for path in run.root.rglob("*") if path.is_file()}
    run.start(recipe_for(pictures, *overrides))
    with pytest.raises(EdgefitError, match=words):
        train(run)
    run.start(recipe_for(pictures))
    assert {path: path.read_bytes() for path in run.root.rglob("*") if path.is_file()} == before
    train(run)
    assert is_done(run, "train")


def test_a_second_call_does_no_work(
    undisturbed: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgefit.train.run_training.build_network", None)
    assert train(undisturbed) == TrainRecord.read(undisturbed.root)


def test_training_needs_checked_data_of_the_present_recipe(
    start: Start, pictures: Path, tmp_path: Path
) -> None:
    empty = RunFolder(tmp_path / "empty")
    empty.start(make_recipe({"name": "x"}))
    with pytest.raises(RunError, match="`check` has not finished"):
        train(empty)
    run = start("run")
    run.start(recipe_for(pictures, "data.split.seed=9"))
    with pytest.raises(RunError, match="inputs of the stage `check` have changed"):
        train(run)


def test_evaluation_refuses_weights_of_another_recipe(
    undisturbed: RunFolder, pictures: Path, tmp_path: Path
) -> None:
    run = RunFolder(shutil.copytree(undisturbed.root, tmp_path / "run"))
    calibrate(run)
    results = evaluate(run)
    assert set(results.metrics) >= {"accuracy", "balanced_accuracy", "macro_f1"}
    network = load_trained(run)
    assert not network.training
    run.start(recipe_for(pictures, "model.backbone=squeezenet1_1"))
    with pytest.raises(RunError, match="have changed since it finished"):
        evaluate(run)


def test_probe_then_full_starts_from_the_probe(start: Start, undisturbed: RunFolder) -> None:
    from_random = start("random", "train.mode=full")
    first, second = (
        record.history[0].train_loss
        for record in (TrainRecord.read(undisturbed.root), train(from_random))
    )
    assert first is not None and second is not None and first < second
    assert not (from_random.root / "train" / PROBE).exists()


def test_the_weights_source_is_kept(start: Start, tmp_path: Path) -> None:
    card = load_card("mobilenet_v3_small")
    torch.save(build_backbone(card).state_dict(), tmp_path / "w.pth")
    run = start("run", f"model.weights={tmp_path / 'w.pth'}", "train.epochs=1", "train.mode=full")
    assert train(run).weights.source == "w.pth"


@pytest.mark.slow
def test_early_stopping_stops(start: Start) -> None:
    run = start(
        "run",
        "train.epochs=9",
        "train.early_stopping.patience=1",
        "train.early_stopping.min_delta=1",
        "train.keep_epoch=best",
    )
    summary = train(run)
    assert summary.epochs == 2
    assert summary.stopped_early is True
    values = [row.validation[run.recipe().train.metric] for row in summary.history]
    assert summary.best.validation[run.recipe().train.metric] == max(values)


@pytest.mark.slow
def test_divergence_is_reported_and_nothing_is_marked_done(start: Start) -> None:
    run = start("run", "train.learning_rate=1e30", "train.warmup_epochs=0")
    with pytest.raises(StageError, match="diverged"):
        train(run)
    assert not is_done(run, "train")


def test_the_probe_alone(start: Start) -> None:
    run = start("run", "train.mode=probe")
    summary = train(run)
    assert summary.best.phase == summary.kept.what == "probe"
    assert summary.probe is not None
    assert summary.best.validation == summary.probe.validation
    assert (summary.history, summary.precision, summary.processes) == ((), None, None)
    recipe = run.recipe()
    torch.manual_seed(recipe.train.seed)
    untouched = dict(build_backbone(load_card(recipe.model.backbone)).named_parameters())
    after = read_state(run.root / "train" / BEST)
    assert all(torch.equal(v, after[f"backbone.{k}"]) for k, v in untouched.items())
    assert not (run.root / "train" / LAST).exists()


def test_a_damaged_checkpoint_says_what_to_do(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start("run")
    with monkeypatch.context() as patch:
        kill_at(patch, 0, "after")
        with pytest.raises(Killed):
            train(run)
    (run.root / "train" / LAST).write_bytes(b"rubbish")
    with pytest.raises(RunError, match="checkpoint is damaged"):
        train(run)
