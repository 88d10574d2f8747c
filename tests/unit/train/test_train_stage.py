"""The stage ``train`` on a few dozen pictures: repeatable, resumable, and what it keeps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from edgefit.data.stage import check
from edgefit.errors import RecipeError, RunError, StageError
from edgefit.recipe import Recipe, make_recipe
from edgefit.run import RunFolder
from edgefit.train import stage as stage_module
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import load_card
from edgefit.train.backbones.weights import read_state
from edgefit.train.checkpoint import BEST, LAST, EpochCheckpoint
from edgefit.train.evaluate import evaluate
from edgefit.train.assembly import input_spec, load_trained
from edgefit.train.stage import train

CLASSES = {"circle": 22, "plain": 14, "square": 10}
FAST = ["input.width=32", "input.height=32", "model.backbone=mobilenet_v3_small"] + [
    f"train.{setting}"
    for setting in ("epochs=3", "batch_size=8", "workers=0", "accelerator=cpu", "augment=conveyor")
]

Start = Callable[..., RunFolder]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 40 pixel pictures, unevenly many."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, count in CLASSES.items():
        (root / name).mkdir()
        for number in range(count):
            picture = rng.integers(60, 110, (40, 40, 3), dtype=np.uint8)
            x, y = (int(v) for v in rng.integers(12, 28, 2))
            if name == "circle":
                cv2.circle(picture, (x, y), 9, (230, 220, 60), -1)
            elif name == "square":
                cv2.rectangle(picture, (x - 8, y - 8), (x + 8, y + 8), (40, 60, 230), -1)
            assert cv2.imwrite(str(root / name / f"{number}.png"), picture)
    return root


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
    check(run, recipe, input_spec(recipe))
    return run


def recipe_for(pictures: Path, *overrides: str) -> Recipe:
    facts = {"name": "tiny", "data": {"root": str(pictures)}, "model": {"weights": "none"}}
    return make_recipe(facts, [*FAST, *overrides])


def best(run: RunFolder) -> bytes:
    return (run.root / "train" / BEST).read_bytes()


def summary_of(run: RunFolder) -> dict[str, Any]:
    return run.read_json("train", "train.json")


def untimed(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without what a clock decides."""
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in summary["history"]]
    kept = {k: v for k, v in summary.items() if "seconds" not in k and k != "best"}
    return kept | {"history": rows}


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


def test_two_runs_of_one_seed_end_with_the_same_bytes_and_another_seed_does_not(
    start: Start, undisturbed: RunFolder
) -> None:
    again, other = start("again"), start("other", "train.seed=5")
    summary = train(again)
    train(other)
    assert best(undisturbed) == best(again) != best(other)
    assert untimed(summary_of(undisturbed)) == untimed(summary)
    folder = again.root / "train"
    assert {BEST, LAST, "log.csv", "train.json"} <= {p.name for p in folder.iterdir()}
    assert not list(folder.glob("*.part"))
    assert (folder / "log.csv").read_text().count("\n") == 4
    assert [row["phase"] for row in summary["history"]] == ["head", "all", "all"]
    assert again.is_done("train", again.recipe())


@pytest.mark.parametrize(
    ("epoch", "when"), [(0, "before"), (1, "between"), (1, "after"), (2, "after")]
)
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
    assert not killed.is_done("train", killed.recipe())
    assert untimed(train(killed)) == untimed(summary_of(undisturbed))
    assert best(killed) == best(undisturbed)


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


def test_a_second_call_does_no_work(
    undisturbed: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "build_network", None)
    assert train(undisturbed) == summary_of(undisturbed)


def test_training_needs_checked_data_of_the_present_recipe(
    start: Start, pictures: Path, tmp_path: Path
) -> None:
    empty = RunFolder(tmp_path / "empty")
    empty.start(make_recipe({"name": "x"}))
    with pytest.raises(RunError, match="`check` has not ended here"):
        train(empty)
    run = start("run")
    run.start(recipe_for(pictures, "data.split.seed=9"))
    with pytest.raises(RunError, match="`check` ended here with other inputs"):
        train(run)


def test_evaluation_refuses_weights_of_another_recipe(
    undisturbed: RunFolder, pictures: Path, tmp_path: Path
) -> None:
    run = RunFolder(shutil.copytree(undisturbed.root, tmp_path / "run"))
    results = evaluate(run)
    assert set(results["metrics"]) >= {"accuracy", "balanced_accuracy", "macro_f1"}
    network = load_trained(run)
    assert not network.training
    run.start(recipe_for(pictures, "model.backbone=squeezenet1_1"))
    with pytest.raises(RunError, match="ended here with other inputs"):
        evaluate(run)


def test_frozen_stages_keep_the_weights_they_started_from(start: Start, tmp_path: Path) -> None:
    card = load_card("mobilenet_v3_small")
    torch.manual_seed(3)
    first = build_backbone(card).state_dict()
    torch.save(first, tmp_path / "w.pth")
    run = start(
        "run", f"model.weights={tmp_path / 'w.pth'}", "train.freeze_stages=2", "train.epochs=2"
    )
    summary = train(run)
    assert summary["weights"]["source"] == "w.pth"
    after = read_state(run.root / "train" / BEST)
    same = {k for k, v in first.items() if torch.equal(v, after[f"backbone.{k}"])}
    frozen = {k for k in first if not k.endswith("num_batches_tracked") and card.stage_of(k) < 2}
    counters = {k for k in first if k.endswith("num_batches_tracked") and card.stage_of(k) < 2}
    assert frozen | counters <= same
    assert len(same) < len(first) / 2


@pytest.mark.parametrize("balance", ["class-weights", "sampler"])
def test_balanced_training_runs(start: Start, undisturbed: RunFolder, balance: str) -> None:
    run = start("run", f"train.balance={balance}", "train.epochs=1")
    first = train(run)["history"][0]
    assert first["train_loss"] != summary_of(undisturbed)["history"][0]["train_loss"]


def test_a_batch_larger_than_the_data(start: Start) -> None:
    summary = train(start("run", "train.batch_size=500", "train.epochs=2"))
    assert summary["epochs"] == 2


def test_a_single_image_in_a_batch_is_refused(start: Start) -> None:
    with pytest.raises(RecipeError) as caught:
        train(start("run", "train.batch_size=1"))
    assert caught.value.key == "train.batch_size"


def test_early_stopping_stops(start: Start) -> None:
    run = start(
        "run",
        "train.epochs=9",
        "train.head_epochs=0",
        "train.early_stopping.patience=1",
        "train.early_stopping.min_delta=1",
    )
    summary = train(run)
    assert summary["epochs"] == 2
    assert summary["stopped_early"] is True
    assert summary["best"]["epoch"] == 1


def test_divergence_is_reported_and_nothing_is_marked_done(start: Start) -> None:
    run = start("run", "train.learning_rate=1e30", "train.warmup_epochs=0", "train.head_epochs=0")
    with pytest.raises(StageError, match="diverged"):
        train(run)
    assert not run.is_done("train", run.recipe())


def test_the_head_alone(start: Start) -> None:
    run = start("run", "train.epochs=2", "train.head_epochs=2")
    assert [r["phase"] for r in train(run)["history"]] == ["head", "head"]
    recipe = run.recipe()
    torch.manual_seed(recipe.train.seed)
    untouched = build_backbone(load_card(recipe.model.backbone)).state_dict()
    after = read_state(run.root / "train" / BEST)
    assert all(torch.equal(v, after[f"backbone.{k}"]) for k, v in untouched.items())


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


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_a_clear_error(start: Start) -> None:
    with pytest.raises(RecipeError, match="cannot train in the way"):
        train(start("run", "train.accelerator=gpu"))
