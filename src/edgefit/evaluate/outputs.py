"""The trained network over frames: its outputs, and all metrics of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import EvaluateConfig
from edgefit.records.evaluate import Evaluation, GroupFigures

if TYPE_CHECKING:
    from edgefit.train.network import EdgeNetwork


def network_outputs(
    network: EdgeNetwork,
    store: FrameStore,
    reporter: Reporter = QUIET,
    *,
    title: str = "evaluating",
) -> dict[str, NDArray[np.float32]]:
    """All outputs of every frame of a store, in its order.

    Args:
        network: In eval mode.
        store: The frames.
        reporter: Where progress is drawn.
        title: What the progress bar says.

    Returns:
        Name -> ``float32`` (N, ...), see :meth:`.EdgeNetwork.outputs`.
    """
    import torch

    batches: dict[str, list[NDArray[np.float32]]] = {}
    with torch.inference_mode(), reporter.bar(title, len(store)) as advance:
        for frames_NHWC in frames_in_order(store):
            for name, values in network.outputs(torch.from_numpy(frames_NHWC)).items():
                batches.setdefault(name, []).append(values.numpy())
            advance(len(frames_NHWC))
    return {name: np.concatenate(values) for name, values in batches.items()}


@dataclass(frozen=True)
class Summary:
    """The results of one set of outputs, as a whole and by group.

    Attributes:
        whole: Of all images.
        by: Column of ``evaluate.by`` -> value -> results of its images.
        worst_group: The group of lowest accuracy; None where none is large enough.
    """

    whole: Evaluation
    by: dict[str, dict[str, Evaluation]]
    worst_group: GroupFigures | None


def summarise(
    probabilities_NC: NDArray[np.float32], table: SampleTable, config: EvaluateConfig
) -> Summary:
    """All metrics with intervals, by column where the recipe asks for it, and the worst group."""
    targets_N, groups_N = table.targets_N(), table.groups_N()
    whole = metrics.evaluate(
        probabilities_NC,
        targets_N,
        table.labels.names,
        groups_N=groups_N,
        resamples=config.resamples,
        confidence=config.confidence,
    )
    by = {
        name: metrics.evaluate_by(
            table.column_N(name),
            probabilities_NC,
            targets_N,
            table.labels.names,
            groups_N=groups_N,
            resamples=config.resamples,
            confidence=config.confidence,
        )
        for name in config.by
    }
    worst_group = metrics.worst_group(
        probabilities_NC, targets_N, group_columns(table, config), confidence=config.confidence
    )
    return Summary(whole, by, worst_group)


def group_columns(table: SampleTable, config: EvaluateConfig) -> dict[str, NDArray[np.str_]]:
    """The columns whose values are groups: those of ``evaluate.by``, and the split's own."""
    return {name: table.column_N(name) for name in [*config.by, "group"] if name != "label"}
