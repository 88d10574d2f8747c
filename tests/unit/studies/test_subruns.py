"""Runs inside a run: the same images, another recipe, and never a training twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgefit.data.frozen import frozen_samples
from edgefit.errors import InputError, RecipeError
from edgefit.recipe import Recipe
from edgefit.records.check import CheckRecord
from edgefit.run import RunFolder
from edgefit.spec import LabelMap
from edgefit.stages.check import check
from edgefit.studies import subruns
from edgefit.studies.subruns import (
    COMPARED,
    changed,
    comparable,
    held_out,
    paired_gain,
    start_subrun,
    train_and_measure,
)
from tests.stamps import is_done
from tests.trained_run import recipe_for, write_discs
from tests.unit.studies.measured import measured_as

TARGETS_N = np.arange(40) % 2
LABELS = LabelMap(("good", "hole"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = write_discs(tmp_path_factory.mktemp("discs") / "images", {"good": 30, "hole": 30})
    return recipe_for(folder, "operating.good=good", "operating.max_escape=0.1")


@pytest.fixture
def run(recipe: Recipe, tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run", recipe)
    check(run)
    return run


def test_keys_are_changed_and_the_rest_stays(recipe: Recipe) -> None:
    found = changed(recipe, {"train.keep.distill": 2.5, "train.epochs": 3})
    assert (found.train.keep.distill, found.train.epochs) == (2.5, 3)
    before, after = recipe.model_dump(), found.model_dump()
    before["train"]["keep"]["distill"], before["train"]["epochs"] = 2.5, 3
    assert after == before
    assert recipe.train.epochs != 3


def test_values_that_do_not_go_together_are_refused(recipe: Recipe) -> None:
    with pytest.raises(RecipeError, match="no effect in mode probe"):
        changed(recipe, {"train.mode": "probe", "train.freeze_stages": 2})


def test_networks_are_compared_without_a_rule_and_on_one_device(recipe: Recipe) -> None:
    found = comparable(changed(recipe, {"train.devices": 4}))
    assert found.operating.max_escape is None and found.operating.coverage is None
    assert not found.operating.novelty
    assert found.operating.temperature == recipe.operating.temperature
    assert found.train.devices == 1


def test_a_subrun_has_the_images_it_is_handed(run: RunFolder, recipe: Recipe) -> None:
    whole = frozen_samples(run)
    part = whole.with_samples(s for i, s in enumerate(whole.samples) if s.split != "train" or i % 2)
    subrun = start_subrun(run, run.root / "sub", changed(recipe, {"train.epochs": 2}), part)
    assert frozen_samples(subrun) == part
    assert held_out(subrun) == held_out(run)
    record, parent = CheckRecord.read(subrun.root), CheckRecord.read(run.root)
    assert record.images == len(part) < parent.images
    assert record.fingerprint == part.fingerprint() != parent.fingerprint
    assert record.source_fingerprint == parent.source_fingerprint
    assert record.images_by_split_and_class["test"] == parent.images_by_split_and_class["test"]
    assert is_done(subrun, "check")
    assert RunFolder(subrun.root).recipe().train.epochs == 2


def test_a_subrun_is_taken_up_again_unless_its_images_are_others(
    run: RunFolder, recipe: Recipe
) -> None:
    whole = frozen_samples(run)
    part = whole.with_samples(s for s in whole.samples if s.split != "train")
    root = run.root / "sub"
    start_subrun(run, root, recipe, whole)
    stamp = root / "stamps" / "check.done.json"
    before = stamp.stat().st_mtime_ns
    start_subrun(run, root, recipe, whole)
    assert stamp.stat().st_mtime_ns == before
    assert frozen_samples(start_subrun(run, root, recipe, part)) == part


def test_several_processes_are_refused_before_any_training(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(subruns, "train", None)
    with pytest.raises(InputError, match=r"A comparison of trainings .* one process"):
        train_and_measure(run)


def rows(right: int) -> np.ndarray:
    """Answers of which the first ``right`` are right."""
    answers_N = np.where(np.arange(40) < right, TARGETS_N, 1 - TARGETS_N)
    return np.eye(2, dtype=np.float32)[answers_N]


def test_studies_show_the_metrics_of_the_test_images() -> None:
    found = measured_as(rows(30), TARGETS_N, LABELS.names, seconds=2.5)
    assert tuple(found.metrics) == COMPARED
    assert found.metrics["accuracy"].value == 0.75
    assert found.worst_class.label in LABELS.names
    assert found.training_seconds == 2.5


def test_a_gain_is_positive_where_the_later_run_is_better(run: RunFolder, recipe: Recipe) -> None:
    test = held_out(run)
    targets_N = test.targets_N()
    worse, better = (
        np.eye(2, dtype=np.float32)[
            np.where(np.arange(len(targets_N)) < right, targets_N, 1 - targets_N)
        ]
        for right in (4, len(targets_N))
    )
    before, after = (
        measured_as(found, targets_N, LABELS.names, seconds=1.0) for found in (worse, better)
    )
    gain = paired_gain(before, after, test, recipe)
    assert gain.gain is not None and gain.gain > 0.5
    assert gain.low is not None and gain.high is not None
    assert gain.low <= gain.gain <= gain.high
    loss = paired_gain(after, before, test, recipe)
    assert loss.gain == pytest.approx(-gain.gain)
    same = paired_gain(after, after, test, recipe)
    assert (same.gain, same.low, same.high) == (0, 0, 0)
