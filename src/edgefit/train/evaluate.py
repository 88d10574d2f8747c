"""The stage ``evaluate``: the trained network on every held-out image."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.data.loader import FrameStore, frames_in_order
from edgefit.data.stage import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import EvaluateConfig
from edgefit.run import RunFolder
from edgefit.train.assembly import input_spec, load_trained
from edgefit.train.network import EdgeNetwork

RESULTS = "evaluation.json"
PROBABILITIES = "probabilities.npz"


def evaluate(run: RunFolder, reporter: Reporter = QUIET) -> dict[str, Any]:
    """Measure the trained network on the test split.

    Requires ``check`` and ``train``. Ensures ``evaluate/evaluation.json`` and
    ``evaluate/probabilities.npz`` (``probabilities`` float32 (N, C), in the order of the table).

    Returns:
        What ``evaluation.json`` holds.
    """
    recipe = run.recipe()
    network = load_trained(run)
    if run.is_done("evaluate", recipe):
        reporter.say("[dim]evaluate: already done with these inputs[/]")
        return run.read_json("evaluate", RESULTS)
    run.begin("evaluate", recipe)
    table = frozen_samples(run).of("test")
    store = FrameStore(
        table.samples,
        table.root,
        input_spec(recipe),
        budget_mb=recipe.train.cache_mb,
        reporter=reporter,
    )
    probabilities_NC = predict(network, store, reporter)
    np.savez(run.stage_dir("evaluate") / PROBABILITIES, probabilities=probabilities_NC)
    results = summarise(probabilities_NC, table, recipe.evaluate)
    run.write_json("evaluate", RESULTS, results)
    run.mark_done("evaluate", recipe, hashlib.sha256(probabilities_NC.tobytes()).hexdigest())
    return results


def predict(
    network: EdgeNetwork, store: FrameStore, reporter: Reporter = QUIET
) -> NDArray[np.float32]:
    """Probabilities ``float32`` (N, C) of every frame of a store, in its order."""
    rows = []
    with torch.inference_mode(), reporter.bar("evaluating", len(store)) as advance:
        for frames_NHWC in frames_in_order(store):
            rows.append(network(torch.from_numpy(frames_NHWC)).numpy())
            advance(len(frames_NHWC))
    return np.concatenate(rows)


def summarise(
    probabilities_NC: NDArray[np.float32], table: SampleTable, config: EvaluateConfig
) -> dict[str, Any]:
    """All metrics with intervals, and by column where the recipe asks for it."""
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
    return results
