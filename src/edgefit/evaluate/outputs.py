"""The trained network on frames: its outputs, and all their metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.table import SampleTable
from edgefit.data.tasks import TASKS as DATA_TASKS
from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.metrics.tasks import TASKS
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import EvaluateConfig, Recipe
from edgefit.records.evaluate import Evaluation, GroupFigures
from edgefit.spec import Outputs, Task
from edgefit.train.backbones.card import input_spec

if TYPE_CHECKING:
    from edgefit.train.network import EdgeNetwork


def network_outputs(
    network: EdgeNetwork,
    store: FrameStore,
    reporter: Reporter = QUIET,
    *,
    title: str = "evaluating",
) -> dict[str, NDArray[np.float32]]:
    """All outputs for every frame of a store, in the store's order.

    Args:
        network: In eval mode.
        store: The frames.
        reporter: Where progress goes.
        title: Title of the progress bar.

    Returns:
        Name -> ``float32`` (N, ...), see :meth:`.EdgeNetwork.outputs`.
    """
    from edgefit.train.over_frames import over_frames

    with reporter.bar(title, len(store)) as advance:
        return over_frames(network.outputs, frames_in_order(store), advance)


def outputs_of_table(
    network: EdgeNetwork,
    table: SampleTable,
    recipe: Recipe,
    reporter: Reporter = QUIET,
    *,
    title: str = "evaluating",
) -> dict[str, NDArray[np.float32]]:
    """The same for the images of a table, decoded by the recipe's input contract.

    Raises:
        DataError: A file cannot be read.
    """
    store = FrameStore(
        table.samples,
        table.root,
        input_spec(recipe),
        budget_mb=recipe.train.cache_mb,
        reporter=reporter,
    )
    return network_outputs(network, store, reporter, title=title)


def labelled_outputs(
    network: EdgeNetwork,
    table: SampleTable,
    recipe: Recipe,
    reporter: Reporter = QUIET,
    *,
    title: str = "evaluating",
) -> LabelledOutputs:
    """The network's outputs for the images of a table, beside the truth."""
    found = outputs_of_table(network, table, recipe, reporter, title=title)
    return with_truth(found, table, recipe.task)


def with_truth(outputs: Outputs, table: SampleTable, task: Task) -> LabelledOutputs:
    """Outputs for the images of a table, in the table's order, beside the truth."""
    return LabelledOutputs(outputs, DATA_TASKS[task].truths(table), table.labels, table.groups_N())


@dataclass(frozen=True)
class Summary:
    """The results of one set of outputs, as a whole and by group.

    Attributes:
        whole: Results of all images.
        by: Column of ``evaluate.by`` -> value -> results of its images.
        worst_group: The group of lowest accuracy; None where no group is large enough.
    """

    whole: Evaluation
    by: dict[str, dict[str, Evaluation]]
    worst_group: GroupFigures | None


def summarise(
    found: LabelledOutputs, table: SampleTable, task: Task, config: EvaluateConfig
) -> Summary:
    """All metrics with intervals, by column where the recipe asks for it, and the worst group."""
    metrics, bootstrap = TASKS[task], bootstrap_of(config)
    by = {
        name: {
            value: metrics.evaluate(part, bootstrap)
            for value, part in found.by(table.column_N(name)).items()
        }
        for name in config.by
    }
    columns = group_columns(table, config)
    worst_group = metrics.worst_group(found, columns, config.confidence)
    return Summary(metrics.evaluate(found, bootstrap), by, worst_group)


def bootstrap_of(config: EvaluateConfig) -> Bootstrap:
    """The recipe's settings for intervals."""
    return Bootstrap(config.resamples, config.confidence)


def group_columns(table: SampleTable, config: EvaluateConfig) -> dict[str, NDArray[np.str_]]:
    """The columns whose values are groups: those of ``evaluate.by``, and ``group`` of the split."""
    return {name: table.column_N(name) for name in [*config.by, "group"] if name != "label"}
