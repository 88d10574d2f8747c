"""Phase two on a few dozen pictures: repeatable, resumable, and every key of ``train`` at work."""

from __future__ import annotations

import csv
import gc
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgefit.data.loader import TrainingBatches
from edgefit.errors import RecipeError, RunError, StageError
from edgefit.progress import Reporter
from edgefit.recipe import TrainConfig
from edgefit.records.train import EpochRow
from edgefit.train.assembly import build_network
from edgefit.train.backbones.weights import read_state
from edgefit.train.loop import finetune
from edgefit.train.loop import loaders as batches
from edgefit.train.loop.checkpoint import LAST, LOG, EpochCheckpoint
from edgefit.train.loop.finetune import make_trainer, way_of_running
from edgefit.train.loop.module import FineTuning
from edgefit.train.penalties.penalty import TrainingStep
from edgefit.train.weight_files import FINETUNED
from tests.cuda_graphs import Recorder
from tests.unit.train.loop.shapes_training import Shapes

pytestmark = pytest.mark.slow  # most of these train
# All that draws at random or keeps a state is on.
EVERYTHING = [
    "train.mix.mixup=0.4",
    "train.mix.cutmix=1.0",
    "train.mix.probability=0.8",
    "train.resizing.share=0.5",
    "train.resizing.scale=0.5",
    "train.balance=sampler",
    "train.ema_decay=0.9",
    "model.dropout=0.3",
    "input.width=64",
    "input.height=64",
]


def kept(folder: Path) -> bytes:
    return (folder / FINETUNED).read_bytes()


def untimed(tuning: FineTuning) -> list[EpochRow]:
    """The history without what a clock decides."""
    clock = {"seconds": None, "images_per_second": None}
    return [row.model_copy(update=clock) for row in tuning.history]


class Killed(BaseException):
    """Stands for a SIGKILL: nothing in between catches it."""


def kill_after(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Die after the files of an epoch are written."""
    write = EpochCheckpoint.on_train_epoch_end

    def die(self: EpochCheckpoint, trainer: pl.Trainer, module: Any) -> None:
        write(self, trainer, module)
        if module.current_epoch == epoch:
            raise Killed

    monkeypatch.setattr(EpochCheckpoint, "on_train_epoch_end", die)


class Anchor(nn.Module):
    """A penalty with a parameter and a frozen part of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "anchor"
        self.main_share = 0.5
        self.replaces_weight_decay = False
        self.shift = nn.Parameter(torch.zeros(1))
        self.learns = [self.shift]
        self.frozen = nn.Linear(100, 100).requires_grad_(False)
        self.steps: list[TrainingStep] = []
        self.given: list[float] = []

    def forward(self, step: TrainingStep) -> Tensor:
        self.steps.append(step)
        term = 0.1 * (step.features_NF.float().mean() - self.shift - 1).square().sum()
        self.given.append(term.item())
        return term

    def mean_of(self, epoch: int) -> float:
        """Of what it gave in the steps of an epoch."""
        terms = [t for t, s in zip(self.given, self.steps, strict=True) if s.epoch == epoch]
        return sum(terms) / len(terms)


def test_two_trainings_of_one_seed_end_with_the_same_bytes_and_another_seed_does_not(
    shapes: Shapes, tmp_path: Path
) -> None:
    first, again = (shapes.tune(tmp_path / name, *EVERYTHING) for name in ("first", "again"))
    shapes.tune(tmp_path / "other", *EVERYTHING, "train.seed=5")
    assert untimed(first) == untimed(again)
    assert kept(tmp_path / "first") == kept(tmp_path / "again") != kept(tmp_path / "other")
    assert {p.name for p in (tmp_path / "first").iterdir()} >= {FINETUNED, LAST, LOG}
    assert not list((tmp_path / "first").glob("*.part"))
    row = first.history[-1]
    on_training, on_validation = row.on_training["balanced_accuracy"], row.validation
    assert row.gap == (on_training or 0) - on_validation["balanced_accuracy"]
    assert row.phase == "full"
    assert row.images_per_second and row.images_per_second > 0


@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_killed_training_ends_with_the_weights_of_an_undisturbed_one(
    shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    options = (*EVERYTHING, "train.batch_norm=learned")
    undisturbed = shapes.tune(tmp_path / "undisturbed", *options, penalties=[Anchor()])
    with monkeypatch.context() as patch:
        kill_after(patch, epoch)
        with pytest.raises(Killed):
            shapes.tune(tmp_path / "killed", *options, penalties=[Anchor()])
    resumed = shapes.tune(tmp_path / "killed", *options, penalties=[Anchor()])
    assert untimed(resumed) == untimed(undisturbed)
    assert kept(tmp_path / "killed") == kept(tmp_path / "undisturbed")


def test_what_is_kept_is_the_averaged_weights_that_validation_measured(
    shapes: Shapes, tmp_path: Path
) -> None:
    tuning = shapes.tune(tmp_path / "a", "train.epochs=1", "train.ema_decay=0.95")
    state = read_state(tmp_path / "a" / FINETUNED)
    last = tuning.network.state_dict()
    assert set(state) == set(last)
    assert tuning.average is not None
    with tuning.average.applied():
        averaged = tuning.network.state_dict()
        assert all(torch.equal(state[name], averaged[name].contiguous()) for name in state)
    changed = [name for name in state if not torch.equal(state[name], last[name])]
    assert len(changed) > len(state) / 3
    shapes.tune(tmp_path / "plain", "train.epochs=1", "train.ema_decay=0")
    assert kept(tmp_path / "plain") != kept(tmp_path / "a")


@pytest.mark.parametrize(
    ("setting", "moves"), [("frozen", False), ("learned", True), ("auto", True)]
)
def test_batch_norm_statistics(shapes: Shapes, tmp_path: Path, setting: str, moves: bool) -> None:
    options = (f"train.batch_norm={setting}", "train.epochs=1")
    before, _, _ = build_network(shapes.recipe(*options), shapes.table.labels)
    shapes.tune(tmp_path, *options)
    after = read_state(tmp_path / FINETUNED)
    for name, value in before.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            assert torch.equal(value, after[name]) is not moves, name
    norm = "backbone.features.0.1.weight"
    assert not torch.equal(before.state_dict()[norm], after[norm]), "scales learn all the same"


def test_frozen_stages_keep_their_weights(shapes: Shapes, tmp_path: Path) -> None:
    options = ("train.freeze_stages=2", "train.epochs=2", "train.batch_norm=learned")
    before, card, _ = build_network(shapes.recipe(*options), shapes.table.labels)
    shapes.tune(tmp_path, *options)
    after = read_state(tmp_path / FINETUNED)
    first = before.backbone.state_dict()
    same = {k for k, v in first.items() if torch.equal(v, after[f"backbone.{k}"])}
    counters = {k for k in first if k.endswith("num_batches_tracked")}
    frozen = {k for k in first if k not in counters and card.stage_of(k) < 2}
    assert frozen <= same
    assert len(same) < len(first) / 2


State = dict[str, Tensor]


@dataclass(frozen=True)
class Trained:
    """A training, the weights it started from, and those it kept."""

    tuning: FineTuning
    start: State
    kept: State

    def moved(self, prefix: str) -> float:
        """How far the weights of a part are from where they started."""
        names = [n for n, v in self.start.items() if n.startswith(prefix) and v.ndim > 1]
        return sum(float((self.kept[n] - self.start[n]).square().sum()) for n in names) ** 0.5

    @property
    def size(self) -> float:
        """Norm of all filters."""
        return sum(float(v.square().sum()) for v in self.kept.values() if v.ndim == 4) ** 0.5

    def losses(self) -> list[float]:
        return [row.train_loss or 0.0 for row in self.tuning.history]

    def is_same(self, *endings: str, prefix: str = "backbone.") -> bool:
        names = [n for n in self.start if n.startswith(prefix) and n.endswith(endings)]
        return all(torch.equal(self.start[n], self.kept[n]) for n in names)

    def share_of_rarest(self) -> float:
        """Of the images drawn in an epoch, those of the class with the fewest."""
        loader: Any = self.tuning.trainer.train_dataloader
        drawn = [loader.sampler.targets_N[index] for _, index in loader.sampler]
        return float(np.mean(np.array(drawn) == 2))


Effect = Callable[[Trained, Trained], bool]
EFFECTS: dict[str, Effect] = {
    "train.balance=class-weights": lambda t, _: t.tuning.loss.weight.argmax() == 2,
    "train.balance=effective-number": lambda t, _: t.tuning.loss.weight.argmax() == 2,
    "train.balance=logit-adjustment": lambda t, _: t.tuning.loss.log_prior.argmin() == 2,
    "train.balance=sampler": lambda t, plain: t.share_of_rarest() > 1.2 * plain.share_of_rarest(),
    "train.balance=square-root-sampler": lambda t, plain: (
        t.share_of_rarest() > plain.share_of_rarest()
    ),
    "train.mix.mixup=0.5": lambda t, plain: t.losses()[-1] > plain.losses()[-1],
    "train.mix.cutmix=1.0": lambda t, plain: t.losses()[-1] > plain.losses()[-1],
    "train.label_smoothing=0.3": lambda t, plain: t.losses()[-1] > plain.losses()[-1],
    "train.layer_decay=0.3": lambda t, plain: (
        t.moved("backbone.features.0.") < 0.5 * plain.moved("backbone.features.0.")
    ),
    "train.weight_decay=20": lambda t, plain: t.size < plain.size,
    "train.warmup_epochs=2": lambda t, plain: (
        (t.tuning.history[0].learning_rate or 0) < (plain.tuning.history[0].learning_rate or 0)
    ),
    "train.resizing={share: 0.5, scale: 0.5}": lambda t, _: (
        [row.height for row in t.tuning.history] == [32, 64]
    ),
    "train.batch_norm=frozen": lambda t, _: t.is_same("running_mean", "running_var"),
    "train.freeze_stages=1": lambda t, plain: (
        t.is_same("weight", "bias", prefix="backbone.features.0.")
        and not plain.is_same("weight", "bias", prefix="backbone.features.0.")
    ),
    "train.precision=bf16-mixed": lambda t, _: str(t.tuning.trainer.precision) == "bf16-mixed",
}


@pytest.mark.parametrize("override", EFFECTS)
def test_every_key_has_its_effect(
    shapes: Shapes, tmp_path: Path, plain: Trained, override: str
) -> None:
    trained = train_short(shapes, tmp_path, override)
    assert EFFECTS[override](trained, plain)
    assert all(0 < loss < 3 for loss in trained.losses())


def train_short(shapes: Shapes, folder: Path, *overrides: str) -> Trained:
    options = ("train.epochs=2", "input.width=64", "input.height=64", *overrides)
    before, _, _ = build_network(shapes.recipe(*options), shapes.table.labels)
    tuning = shapes.tune(folder, *options)
    return Trained(tuning, dict(before.state_dict()), read_state(folder / FINETUNED))


@pytest.fixture(scope="module")
def plain(shapes: Shapes, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train_short(shapes, tmp_path_factory.mktemp("plain-too"))


@pytest.fixture(scope="module")
def plainly_trained(shapes: Shapes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("plain")
    shapes.tune(folder, "train.epochs=2", "input.width=64", "input.height=64")
    return kept(folder)


def test_workers_do_not_change_the_weights(
    shapes: Shapes, tmp_path: Path, plainly_trained: bytes
) -> None:
    size = ("train.epochs=2", "input.width=64", "input.height=64")
    shapes.tune(tmp_path, *size, "train.workers=2", "train.cache_mb=0")
    assert kept(tmp_path) == plainly_trained


class ByProcesses(TrainingBatches):
    """What a GPU gets, without one; counts its processes before it ends them."""

    counted: ClassVar[list[int]] = []

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "processes": True})

    def close(self) -> None:
        self.counted.append(len(multiprocessing.active_children()))
        super().close()


def test_worker_processes_do_not_change_the_weights_and_end_with_the_training(
    shapes: Shapes, tmp_path: Path, plainly_trained: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "TrainingBatches", ByProcesses)
    before = len(multiprocessing.active_children())
    size = ("train.epochs=2", "input.width=64", "input.height=64")
    shapes.tune(tmp_path, *size, "train.workers=1")
    assert kept(tmp_path) == plainly_trained
    assert ByProcesses.counted.pop() == before + 1
    assert len(multiprocessing.active_children()) == before


def test_worker_processes_end_with_a_training_that_fails(
    shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "TrainingBatches", ByProcesses)
    before = len(multiprocessing.active_children())
    with pytest.raises(StageError):
        shapes.tune(tmp_path, "train.workers=1", "train.learning_rate=1e9", "train.warmup_epochs=0")
    assert ByProcesses.counted.pop() == before + 1
    gc.collect()
    assert len(multiprocessing.active_children()) == before


@pytest.mark.parametrize(
    ("device", "world", "images", "compiles", "expected"),
    [
        ("cuda", 1, 8, False, "recorded"),
        ("cuda", 1, 7, False, "plain"),
        ("cuda", 2, 8, False, "plain"),
        ("cpu", 1, 8, False, "plain"),
        ("cuda", 1, 8, True, "compiled"),
        ("cpu", 2, 7, True, "compiled"),
    ],
)
def test_the_backbone_runs_in_the_fastest_way_that_is_right(
    device: str, world: int, images: int, compiles: bool, expected: str
) -> None:
    config = TrainConfig(batch_size=8, compile=compiles)
    assert way_of_running(config, device, world, images) == expected


def test_a_recorded_backbone_does_not_change_the_weights(
    shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recorder)
    options = (*EVERYTHING, "train.batch_norm=learned")
    plain = shapes.tune(tmp_path / "plain", *options)
    # what a GPU takes, without one: the recording is a stand-in
    monkeypatch.setattr(finetune, "way_of_running", lambda *_: "recorded")
    recorded = shapes.tune(tmp_path / "recorded", *options)
    assert untimed(recorded) == untimed(plain)
    assert kept(tmp_path / "recorded") == kept(tmp_path / "plain")
    sizes = [(row.height, row.width) for row in plain.history]
    assert recorder.recorded == [(8, 3, *size) for size in dict.fromkeys(sizes)]
    full = len(shapes.table.of("train")) // 8
    assert recorder.replays == full * len(sizes), "the last, short batch goes past it"
    assert recorded._graphed is not None
    assert recorded._graphed._graphed is None, "its memory is given back"


def test_a_penalty_learns_is_logged_and_its_frozen_part_is_not_saved(
    shapes: Shapes, tmp_path: Path
) -> None:
    anchor = Anchor()
    tuning = shapes.tune(tmp_path, *EVERYTHING, "train.epochs=2", penalties=[anchor])
    assert anchor.shift.item() != 0
    logged = [anchor.mean_of(epoch) for epoch in (0, 1)]
    assert [row.penalties["anchor"] for row in tuning.history] == pytest.approx(logged, rel=1e-5)
    with (tmp_path / LOG).open(newline="") as file:
        assert [float(row["anchor"]) for row in csv.DictReader(file)] == pytest.approx(logged)
    saved = torch.load(tmp_path / LAST, weights_only=True)["state_dict"]
    assert "penalty_modules.0.shift" in saved
    assert not [name for name in saved if "frozen" in name]
    first, last = anchor.steps[0], anchor.steps[-1]
    assert (first.epoch, first.index, last.epoch) == (0, 0, 1)
    assert first.frames_NHWC.shape[1:] == (64, 64, 3)
    assert first.images_NCHW.shape[1:] == (3, 32, 32), "the first half runs on fewer pixels"
    assert last.images_NCHW.shape[1:] == (3, 64, 64)
    assert first.logits_NC.shape == (len(first.targets_N), 3)


def test_main_share_scales_the_tasks_own_loss(shapes: Shapes, tmp_path: Path) -> None:
    anchor = Anchor()
    anchor.main_share = 0.0
    tuning = shapes.tune(tmp_path, "train.epochs=1", "train.weight_decay=0", penalties=[anchor])
    fresh, _, _ = build_network(shapes.recipe(), shapes.table.labels)
    assert torch.equal(tuning.network.head[1].weight, fresh.head[1].weight)


@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_a_gradient_is_scaled_down_to_the_norm(
    shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    norms: list[float] = []

    def note(self: FineTuning, optimizer: Any) -> None:
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        norms.append(torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients])).item())

    # just before the optimiser's step; clipping comes after it in lightning's order
    monkeypatch.setattr(FineTuning, "on_before_optimizer_step", note)
    clip = FineTuning.configure_gradient_clipping

    def clipped(self: FineTuning, optimizer: Any, *arguments: Any, **named: Any) -> None:
        clip(self, optimizer, *arguments, **named)
        note(self, optimizer)

    monkeypatch.setattr(FineTuning, "configure_gradient_clipping", clipped)
    options = ("train.epochs=1", "train.clip_norm=0.01", f"train.precision={precision}")
    tuning = shapes.tune(tmp_path, *options)
    optimizer = tuning.optimizers(use_pl_optimizer=False)
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert optimizer.defaults["fused"]
    before, after = norms[::2], norms[1::2]
    assert min(before) > 0.01
    assert after == pytest.approx([0.01] * len(after), rel=1e-3)


def test_a_batch_larger_than_the_data(
    shapes: Shapes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("train.batch_size=500", "train.epochs=2")
    assert len(shapes.tune(tmp_path, *options, reporter=Reporter()).history) == 2
    assert "one step an epoch" in " ".join(capsys.readouterr().err.split())


def test_a_single_image_in_a_batch_is_refused(shapes: Shapes, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        shapes.tune(tmp_path, "train.batch_size=1")
    assert caught.value.key == "train.batch_size"


def test_early_stopping_stops(shapes: Shapes, tmp_path: Path) -> None:
    patience = "train.early_stopping={patience: 1, min_delta: 1}"
    tuning = shapes.tune(tmp_path, "train.epochs=9", patience)
    assert len(tuning.history) == 2
    assert tuning.judge.epochs_without_gain == 1
    again = shapes.tune(tmp_path, "train.epochs=9", patience)
    assert untimed(again) == untimed(tuning), "an ended training is not gone on with"


@pytest.mark.parametrize("rate", ["1e30", "30"])
def test_divergence_stops_within_the_first_epoch(shapes: Shapes, tmp_path: Path, rate: str) -> None:
    options = (f"train.learning_rate={rate}", "train.warmup_epochs=0", "train.batch_size=2")
    with pytest.raises(StageError, match="diverged in epoch 1") as caught:
        shapes.tune(tmp_path, *options)
    assert caught.value.key == "train.learning_rate"
    assert not (tmp_path / LAST).exists()
    assert not (tmp_path / FINETUNED).exists()


def test_a_gap_is_said_once(
    shapes: Shapes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = FineTuning._record

    def by_heart(self: FineTuning, terms: Any, measured: dict[str, float], *_: Any) -> None:
        record(self, terms, measured | {"balanced_accuracy": 0.5}, 1.0, 100)

    monkeypatch.setattr(FineTuning, "_record", by_heart)
    shapes.tune(tmp_path, reporter=Reporter())
    assert " ".join(capsys.readouterr().err.split()).count("learn its training images by") == 1


def test_an_epoch_kept_before_a_kill_is_the_one_kept_after_it(
    shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = FineTuning._record

    def falling(self: FineTuning, terms: Any, measured: dict[str, float], *rest: Any) -> None:
        found = measured | {"balanced_accuracy": (0.2, 0.9, 0.5, 0.4)[self.current_epoch]}
        record(self, terms, found, *rest)

    monkeypatch.setattr(FineTuning, "_record", falling)
    options = ("train.epochs=4", "train.keep_epoch=best")
    undisturbed = shapes.tune(tmp_path / "undisturbed", *options)
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            shapes.tune(tmp_path / "killed", *options)
    resumed = shapes.tune(tmp_path / "killed", *options)
    for tuning in (undisturbed, resumed):
        assert tuning.judge.kept is not None
        assert tuning.judge.kept.epoch == 2
    assert resumed.judge.epochs_without_gain == 2
    assert kept(tmp_path / "killed") == kept(tmp_path / "undisturbed")


def test_validation_sees_images_of_the_size_of_the_epoch(
    shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = set()
    step = FineTuning.validation_step

    def watched(self: FineTuning, *arguments: Any, **named: Any) -> None:
        def note(_: nn.Module, inputs: tuple[Tensor]) -> None:
            seen.add((int(self.current_epoch) + 1, *inputs[0].shape[-2:]))

        with self.network.backbone.register_forward_pre_hook(note):
            step(self, *arguments, **named)

    monkeypatch.setattr(FineTuning, "validation_step", watched)
    options = ("train.epochs=2", "train.resizing={share: 0.5, scale: 0.5}")
    tuning = shapes.tune(tmp_path, *options, "input.width=64", "input.height=64")
    assert seen == {(row.epoch, row.height, row.width) for row in tuning.history}
    small, full = tuning.history
    assert (small.height, full.height) == (32, 64) == (32, tuning.network.spec.height)
    assert tuning.judge.kept is full


def test_a_damaged_checkpoint_says_what_to_do(shapes: Shapes, tmp_path: Path) -> None:
    (tmp_path / LAST).write_bytes(b"rubbish")
    with pytest.raises(RunError, match="checkpoint is damaged"):
        shapes.tune(tmp_path)


def test_compiled_training_keeps_the_names_of_the_weights(
    shapes: Shapes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    class Compiled(nn.Module):  # as torch's: a module that holds the other one
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self._orig_mod = module

        def forward(self, images_NCHW: Tensor) -> Any:
            calls.append(len(images_NCHW))
            return self._orig_mod(images_NCHW)

    monkeypatch.setattr(torch, "compile", Compiled)
    tuning = shapes.tune(tmp_path, "train.epochs=1", "train.compile=true")
    assert calls
    assert set(read_state(tmp_path / FINETUNED)) == set(tuning.network.state_dict())
    saved = torch.load(tmp_path / LAST, weights_only=True)["state_dict"]
    assert set(saved) == {f"network.{name}" for name in tuning.network.state_dict()}


# -- devices ---------------------------------------------------------------------------------

Make = Callable[..., pl.Trainer]


@pytest.fixture
def trainer_for(shapes: Shapes, tmp_path: Path) -> Make:
    return lambda *overrides: make_trainer(shapes.recipe(*overrides), tmp_path, [])


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torchrun tells the second of two processes on each of two machines."""
    for name, value in {
        "TORCHELASTIC_RUN_ID": "x",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "1",
        "WORLD_SIZE": "4",
        "LOCAL_WORLD_SIZE": "2",
        "RANK": "3",
        "LOCAL_RANK": "1",
        "GROUP_RANK": "1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("accelerator", ["cpu", "auto"])
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_lightning_trains_on_one_cpu_process_in_32_bit(
    trainer_for: Make, accelerator: str
) -> None:
    trainer = trainer_for(f"train.accelerator={accelerator}")
    assert type(trainer.accelerator).__name__ == "CPUAccelerator"
    assert (trainer.world_size, trainer.precision) == (1, "32-true")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("accelerator", ["gpu", "cuda"])
def test_a_gpu_that_is_not_there_is_a_clear_error(trainer_for: Make, accelerator: str) -> None:
    with pytest.raises(RecipeError, match="no GPU that torch can use") as caught:
        trainer_for(f"train.accelerator={accelerator}")
    assert caught.value.key == "train.accelerator"
    assert "--set train.accelerator=auto" in str(caught.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_a_gpu_is_taken_in_bf16(trainer_for: Make) -> None:
    trainer = trainer_for("train.accelerator=auto", "train.devices=1")
    assert trainer.strategy.root_device.type == "cuda"
    assert trainer.precision == "bf16-mixed"


def test_several_devices_train_data_parallel(trainer_for: Make) -> None:
    trainer = trainer_for("train.devices=2")
    assert type(trainer.strategy).__name__ == "DDPStrategy"
    assert trainer.world_size == 2
    assert not trainer.strategy._ddp_kwargs.get("find_unused_parameters")


@pytest.mark.usefixtures("launched")
def test_torchruns_processes_are_the_devices(trainer_for: Make) -> None:
    trainer = trainer_for()
    assert type(trainer.strategy).__name__ == "DDPStrategy"
    assert (trainer.world_size, trainer.num_devices, trainer.num_nodes) == (4, 2, 2)
    assert (trainer.global_rank, trainer.is_global_zero) == (3, False)
    with pytest.raises(RecipeError, match="different number of processes") as caught:
        trainer_for("train.devices=4")
    assert caught.value.key == "train.devices"
