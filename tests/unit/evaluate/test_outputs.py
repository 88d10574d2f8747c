"""The trained network over frames: its outputs in order, beside the truth, and by column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgefit.data.frame_store import FrameStore
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.errors import DataError
from edgefit.evaluate.outputs import (
    bootstrap_of,
    group_columns,
    labelled_outputs,
    network_outputs,
    outputs_of_table,
    summarise,
    with_truth,
)
from edgefit.metrics.tasks import TASKS
from edgefit.recipe import EvaluateConfig, Recipe
from edgefit.run import RunFolder
from edgefit.spec import CLASSIFICATION, ClassTruth
from edgefit.stages.check import check
from edgefit.train.assembly import build_network
from edgefit.train.network import EdgeNetwork
from tests.trained_run import recipe_for, write_discs

Held = tuple[Recipe, SampleTable, EdgeNetwork]
FEW = EvaluateConfig(resamples=100)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    """A table of two classes with a column, and a network."""
    root = tmp_path_factory.mktemp("discs")
    recipe = recipe_for(write_discs(root / "images", {"good": 20, "hole": 15}))
    run = RunFolder(root / "run", recipe)
    check(run)
    table = frozen_samples(run)
    cameras = ("left", "right")
    table = table.with_samples(
        replace(sample, group=f"lot{i % 5}", columns={"camera": cameras[i % 2]})
        for i, sample in enumerate(table.samples)
    )
    return recipe, table, build_network(recipe, table.labels)[0].eval()


def test_outputs_are_those_of_the_frames_in_the_order_of_the_store(held: Held) -> None:
    _, table, network = held
    store = FrameStore(table.samples, table.root, network.spec)
    found = network_outputs(network, store)
    frames_NHWC = torch.from_numpy(np.stack([store.frame(i) for i in range(len(store))]))
    with torch.inference_mode():
        expected = network.outputs(frames_NHWC)
    assert list(found) == ["probabilities", "logits", "feature_vector"]
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values.numpy(), rtol=1e-3, atol=1e-5)


def test_a_table_is_decoded_by_the_input_contract(held: Held) -> None:
    recipe, table, network = held
    store = FrameStore(table.samples, table.root, network.spec)
    expected = network_outputs(network, store)
    found = outputs_of_table(network, table, recipe)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_an_image_that_is_gone_is_named(held: Held) -> None:
    recipe, table, network = held
    gone = table.with_samples([replace(table.samples[0], path="good/gone.png")])
    with pytest.raises(DataError, match=r"gone\.png"):
        outputs_of_table(network, gone, recipe)


def test_the_truth_stands_beside_the_outputs_in_the_order_of_the_table(held: Held) -> None:
    recipe, table, network = held
    found = labelled_outputs(network, table, recipe)
    assert len(found) == len(table) == len(found.outputs["logits"])
    assert list(found.truth) == [ClassTruth(int(target)) for target in table.targets_N()]
    assert found.labels == table.labels
    assert found.groups_N.tolist() == [sample.group for sample in table.samples]


def test_results_by_column_are_those_of_its_images_alone(held: Held) -> None:
    recipe, table, network = held
    found = labelled_outputs(network, table, recipe)
    config = FEW.model_copy(update={"by": ["camera"]})
    summary = summarise(found, table, CLASSIFICATION, config)
    assert summary.whole == TASKS[CLASSIFICATION].evaluate(found, bootstrap_of(config))
    assert list(summary.by) == ["camera"]
    for value, result in summary.by["camera"].items():
        some = table.with_samples(s for s in table.samples if s.columns["camera"] == value)
        outputs = {n: v[table.column_N("camera") == value] for n, v in found.outputs.items()}
        alone = with_truth(outputs, some, CLASSIFICATION)
        assert result == TASKS[CLASSIFICATION].evaluate(alone, bootstrap_of(config))
    assert summary.worst_group is not None
    assert summary.worst_group.column in ("camera", "group")


def test_groups_are_the_columns_asked_for_and_the_splits_own_but_never_the_label(
    held: Held,
) -> None:
    table = held[1]
    config = FEW.model_copy(update={"by": ["camera", "label"]})
    columns = group_columns(table, config)
    assert list(columns) == ["camera", "group"]
    assert columns["camera"].tolist() == table.column_N("camera").tolist()


def test_intervals_are_made_as_the_recipe_asks() -> None:
    bootstrap = bootstrap_of(EvaluateConfig(resamples=123, confidence=0.9))
    assert (bootstrap.resamples, bootstrap.confidence) == (123, 0.9)


def test_a_path_is_no_part_of_the_outputs(held: Held, tmp_path: Path) -> None:
    recipe, table, network = held
    moved = replace(table, root=tmp_path / "moved")
    moved.root.symlink_to(table.root, target_is_directory=True)
    found = outputs_of_table(network, moved, recipe)
    for name, values in outputs_of_table(network, table, recipe).items():
        np.testing.assert_array_equal(found[name], values)
