"""A training from start to end: phases in order, one file of weights, one record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.errors import RecipeError
from edgefit.progress import QUIET
from edgefit.recipe import Recipe
from edgefit.records.train import EpochRow, KeptWeights, TrainRecord
from edgefit.run import RunFolder
from edgefit.stages.check import check
from edgefit.train.backbones.weights import read_state
from edgefit.train.phases.phase import Outcome, Phase
from edgefit.train.run_training import Prepared, prepare, remove_leftovers, run_training
from edgefit.train.tasks import TASKS
from edgefit.train.tasks.classification import ClassificationTask
from edgefit.train.training import Training
from edgefit.train.weight_files import BEST, FINETUNED, save_weights
from tests.trained_run import recipe_for, write_discs


def epoch(number: int, seconds: float, accuracy: float = 0.9) -> EpochRow:
    return EpochRow(
        epoch=number, phase="full", seconds=seconds, validation={"balanced_accuracy": accuracy}
    )


class Marks:
    """A phase that writes a mark into the head and tells who came before it."""

    trains_on_devices = False

    def __init__(self, mark: float, seen: list[tuple[float, float | None]]) -> None:
        self.mark = mark
        self.seen = seen

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        came = None if before is None else before.best.seconds
        self.seen.append((self.mark, came))
        with torch.no_grad():
            training.network.head[1].bias.fill_(self.mark)
        save_weights(training.network, training.folder / FINETUNED)
        rows = (epoch(1, 40.0), epoch(2, self.mark))
        return Outcome(training.folder / FINETUNED, KeptWeights(what="fine-tuned"), rows[1], rows)


class OnlyTheFirst:
    """A phase in a process that is not the first: it has done its part."""

    trains_on_devices = False

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        return None


class InPhases(ClassificationTask):
    def __init__(self, phases: Sequence[Phase]) -> None:
        self.own = phases

    def phases(self, recipe: Recipe) -> tuple[Phase, ...]:
        return tuple(self.own)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, SampleTable]:
    root = tmp_path_factory.mktemp("discs")
    recipe = recipe_for(write_discs(root / "images", {"good": 20, "hole": 20}), "train.epochs=2")
    run = RunFolder(root / "run", recipe)
    check(run)
    return recipe, frozen_samples(run)


def trained(
    checked: tuple[Recipe, SampleTable],
    folder: Path,
    patch: pytest.MonkeyPatch,
    phases: Sequence[Phase],
) -> tuple[TrainRecord | None, Prepared]:
    recipe, table = checked
    patch.setitem(TASKS, recipe.task, InPhases(phases))
    prepared = prepare(recipe, table, folder)
    return run_training(recipe, prepared, folder), prepared


def test_phases_run_in_order_and_the_last_ones_weights_are_kept(
    checked: tuple[Recipe, SampleTable], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, float | None]] = []
    phases = [Marks(2.0, seen), Marks(3.0, seen)]
    record, prepared = trained(checked, tmp_path, monkeypatch, phases)
    assert seen == [(2.0, None), (3.0, 2.0)]
    assert record is not None
    assert read_state(tmp_path / BEST)["head.1.bias"].tolist() == [3.0, 3.0]
    assert (tmp_path / BEST).read_bytes() == (tmp_path / FINETUNED).read_bytes()
    assert record.weights == prepared.weights
    assert (record.best.seconds, record.epochs, record.kept.what) == (3.0, 2, "fine-tuned")
    assert record.backbone == "mobilenet_v3_small"


def test_a_training_that_went_on_took_at_least_as_long_as_its_epochs(
    checked: tuple[Recipe, SampleTable], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = trained(checked, tmp_path, monkeypatch, [Marks(5.0, [])])
    assert record is not None
    assert record.training_seconds == 45.0
    assert 0 <= record.decode_seconds < 45


@pytest.mark.parametrize("position", [0, 1])
def test_a_process_that_is_not_the_first_writes_nothing(
    checked: tuple[Recipe, SampleTable],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    position: int,
) -> None:
    seen: list[tuple[float, float | None]] = []
    phases: list[Phase] = [Marks(2.0, seen)]
    phases.insert(position, OnlyTheFirst())
    record, _ = trained(checked, tmp_path, monkeypatch, phases)
    assert record is None
    assert len(seen) == position
    assert not (tmp_path / BEST).exists()


def test_what_training_would_refuse_is_refused_in_preparing(
    checked: tuple[Recipe, SampleTable], tmp_path: Path
) -> None:
    recipe, table = checked
    facts = recipe.model_dump(mode="json")
    facts["train"]["batch_size"] = 1
    with pytest.raises(RecipeError, match="two images in a batch"):
        prepare(Recipe.model_validate(facts), table, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_files_of_another_training_go_and_cached_features_stay(tmp_path: Path) -> None:
    for name in (BEST, "log.csv"):
        (tmp_path / name).touch()
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "rows.npz").touch()
    remove_leftovers(tmp_path, QUIET)
    assert [path.name for path in tmp_path.iterdir()] == ["features"]
    assert (tmp_path / "features" / "rows.npz").is_file()
