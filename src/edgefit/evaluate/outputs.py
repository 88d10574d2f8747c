"""The trained network over frames: probabilities and features, and all metrics of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import EvaluateConfig

if TYPE_CHECKING:
    from edgefit.train.network import EdgeNetwork


def predict(
    network: EdgeNetwork, store: FrameStore, reporter: Reporter = QUIET
) -> NDArray[np.float32]:
    """Probabilities ``float32`` (N, C) of every frame of a store, in its order."""
    return predict_with_features(network, store, reporter)[0]


def predict_with_features(
    network: EdgeNetwork, store: FrameStore, reporter: Reporter = QUIET
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities ``float32`` (N, C) and features (N, F) of every frame, in order."""
    probabilities, features = [], []
    import torch

    with torch.inference_mode(), reporter.bar("evaluating", len(store)) as advance:
        for frames_NHWC in frames_in_order(store):
            found = network.answers(torch.from_numpy(frames_NHWC))
            probabilities.append(found[0].numpy())
            features.append(found[1].numpy())
            advance(len(frames_NHWC))
    return np.concatenate(probabilities), np.concatenate(features)


def summarise(
    probabilities_NC: NDArray[np.float32], table: SampleTable, config: EvaluateConfig
) -> dict[str, Any]:
    """All metrics with intervals, by column where the recipe asks for it, and the worst group."""
    targets_N = table.targets_N()
    options: dict[str, Any] = {"resamples": config.resamples, "confidence": config.confidence}
    results = metrics.evaluate(
        probabilities_NC, targets_N, table.labels.names, groups_N=table.groups_N(), **options
    )
    results["by"] = {
        name: metrics.evaluate_by(
            table.column_N(name),
            probabilities_NC,
            targets_N,
            table.labels.names,
            groups_N=table.groups_N(),
            **options,
        )
        for name in config.by
    }
    results["worst_group"] = metrics.worst_group(
        probabilities_NC, targets_N, group_columns(table, config), confidence=config.confidence
    )
    return results


def group_columns(table: SampleTable, config: EvaluateConfig) -> dict[str, NDArray[np.str_]]:
    """The columns whose values are groups: those of ``evaluate.by``, and the split's own."""
    return {name: table.column_N(name) for name in [*config.by, "group"] if name != "label"}
