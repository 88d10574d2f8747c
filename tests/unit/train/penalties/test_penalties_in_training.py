"""The remedies and a teacher inside the stage ``train``: logged, learned, and resumed exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import lightning.pytorch as pl
import numpy as np
import pytest
import torch

from edgefit.recipe import make_recipe
from edgefit.run import RunFolder
from edgefit.stages.check import check
from edgefit.stages.runner import always
from edgefit.stages.train import train
from edgefit.train.assembly import build_network
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import load_card
from edgefit.train.backbones.weights import read_state
from edgefit.train.loop.checkpoint import LAST, EpochCheckpoint
from edgefit.train.weight_files import BEST, save_weights
from tests import stamps

pytestmark = pytest.mark.slow
ALL = ("train.keep.l2_sp=0.01", "train.keep.distill=0.5", "train.keep.replay=0.5")


class Killed(BaseException):
    """Stands for a SIGKILL: nothing in between catches it."""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set ``own`` of two classes and a folder ``general`` of three."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    levels = {"own/dark": 50, "own/light": 200, "general/a": 30, "general/b": 120, "general/c": 220}
    for name, level in levels.items():
        (root / name).mkdir(parents=True)
        for number in range(16):
            picture = np.clip(rng.normal(level, 20, (36, 36, 3)), 0, 255).astype(np.uint8)
            assert cv2.imwrite(str(root / name / f"{number}.png"), picture)
    torch.manual_seed(3)
    torch.save(build_backbone(load_card("mobilenet_v3_small")).state_dict(), root / "w.pth")
    return root


@pytest.fixture
def begin(pictures: Path, tmp_path: Path) -> Any:
    """Makes a run with checked data; few epochs at 32 pixels."""

    def make(name: str, *overrides: str) -> RunFolder:
        facts = {
            "name": "x",
            "data": {"root": str(pictures / "own")},
            "input": {"width": 32, "height": 32},
            "model": {"backbone": "mobilenet_v3_small", "weights": str(pictures / "w.pth")},
            "retention": {"general": str(pictures / "general")},
            "train": {
                "mode": "full",
                "epochs": 2,
                "batch_size": 8,
                "accelerator": "cpu",
                "workers": 0,
            },
        }
        run = RunFolder(tmp_path / name)
        recipe = make_recipe(facts, overrides)
        run.start(recipe)
        check(run)
        return run

    return make


def kept(run: RunFolder) -> dict[str, torch.Tensor]:
    return read_state(run.root / "train" / BEST)


def test_every_penalty_is_logged_and_the_network_keeps_its_form(begin: Any) -> None:
    run, plain = begin("run", *ALL), begin("plain")
    history = always(train(run)).history
    train(plain)
    for row in history:
        assert set(row.penalties) == {"l2_sp", "distill", "replay"}
        assert np.isfinite(list(row.penalties.values())).all()
        assert row.penalties["replay"] > 0
    assert history[-1].penalties["distill"] > 0
    assert kept(run).keys() == kept(plain).keys()
    last = torch.load(run.root / "train" / LAST, weights_only=True)
    own = {name for name in last["state_dict"] if name.startswith("penalty_modules.")}
    assert {name.rsplit(".", 1)[-1] for name in own} == {"weight", "bias"} and len(own) == 2


def test_the_pull_of_l2_sp_ends_nearer_to_the_start(begin: Any, pictures: Path) -> None:
    start = torch.load(pictures / "w.pth", weights_only=True)

    def way(run: RunFolder) -> float:
        train(run)
        after = torch.load(run.root / "train" / LAST, weights_only=True)["state_dict"]
        filters = [name for name, value in start.items() if value.ndim == 4]
        moved = [after[f"network.backbone.{k}"] - start[k] for k in filters]
        return float(torch.stack([way.square().sum() for way in moved]).sum())

    length = ("train.epochs=4", "train.early_stopping.patience=0")
    assert way(begin("held", "train.keep.l2_sp=0.1", *length)) < 0.2 * way(begin("free", *length))


def test_a_killed_training_with_all_remedies_ends_with_the_same_bytes(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, killed = begin("undisturbed", *ALL), begin("killed", *ALL)
    train(undisturbed)
    write = EpochCheckpoint.on_train_epoch_end

    def die(self: EpochCheckpoint, trainer: pl.Trainer, module: Any) -> None:
        write(self, trainer, module)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(EpochCheckpoint, "on_train_epoch_end", die)
        with pytest.raises(Killed):
            train(killed)
    train(killed)
    files = [run.root / "train" / BEST for run in (undisturbed, killed)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_teacher_alone_teaches(begin: Any) -> None:
    """At weight 1 the student never sees a label, yet it follows its teacher."""
    teacher = begin("teacher")
    recipe = teacher.recipe()
    stamps.begin(teacher, "train")
    network, *_ = build_network(recipe, teacher.labels())
    with torch.no_grad():
        network.head[1].weight.zero_()
        network.head[1].bias.copy_(torch.tensor([0.0, 6.0]))
    save_weights(network, teacher.stage_dir("train") / BEST)
    stamps.mark_done(teacher, "train", "x")
    student = begin(
        "student",
        f"train.teacher.run={teacher.root}",
        "train.teacher.weight=1",
        "train.epochs=6",
        "train.learning_rate=0.001",
        "train.early_stopping.patience=0",
    )
    history = always(train(student)).history
    assert history[-1].penalties["teacher"] < 0.5 * history[0].penalties["teacher"]
