"""What every phase works on, and how it measures a network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from edgefit.data.frozen import frozen_samples
from edgefit.recipe import Recipe
from edgefit.run import RunFolder
from edgefit.stages.check import check
from edgefit.train.assembly import build_network
from edgefit.train.network import EdgeNetwork
from edgefit.train.split_frames import decode_splits
from edgefit.train.tasks import TASKS
from edgefit.train.training import Training
from tests.trained_run import recipe_for, write_discs


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = write_discs(tmp_path_factory.mktemp("discs") / "images", {"good": 30, "hole": 20})
    return recipe_for(folder)


def training_of(recipe: Recipe, root: Path, seen: list[NDArray[np.generic]]) -> Training:
    """A training whose validation keeps what it is given."""
    run = RunFolder(root, recipe)
    check(run)
    table = frozen_samples(run)
    network, card, _ = build_network(recipe, table.labels)

    def validation(logits: NDArray[np.float32], targets: NDArray[np.int64]) -> dict[str, float]:
        seen[:] = [logits, targets]
        return {"accuracy": 0.25}

    task, frames = TASKS[recipe.task], decode_splits(recipe, table, network.spec)
    return Training(recipe, table, frames, network, card, root, task.build_loss, validation)


def plain_logits(network: EdgeNetwork, training: Training) -> NDArray[np.float32]:
    store = training.frames.val
    frames_NHWC = torch.from_numpy(np.stack([store.frame(i) for i in range(len(store))]))
    with torch.inference_mode():
        found: NDArray[np.float32] = network.eval().logits(frames_NHWC).numpy()
    return found


def test_it_measures_every_validation_image_in_the_order_of_the_table(
    recipe: Recipe, tmp_path: Path
) -> None:
    seen: list[NDArray[np.generic]] = []
    training = training_of(recipe, tmp_path / "run", seen)
    assert training.measure(training.network) == {"accuracy": 0.25}
    logits_NC, targets_N = seen
    validation = training.table.of("val")
    assert logits_NC.shape == (len(validation), 2)
    np.testing.assert_array_equal(targets_N, validation.targets_N())
    np.testing.assert_allclose(
        logits_NC, plain_logits(training.network, training), rtol=1e-4, atol=1e-5
    )


def test_a_network_in_training_mode_is_measured_as_it_is_used(
    recipe: Recipe, tmp_path: Path
) -> None:
    seen: list[NDArray[np.generic]] = []
    training = training_of(recipe, tmp_path / "run", seen)
    before = {name: v.clone() for name, v in training.network.state_dict().items()}
    training.measure(training.network.train())
    assert not training.network.training
    after = training.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_nothing_is_added_to_the_loss_by_default(recipe: Recipe, tmp_path: Path) -> None:
    assert list(training_of(recipe, tmp_path / "run", []).penalties()) == []
