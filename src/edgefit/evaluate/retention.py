"""General knowledge of a backbone before and after fine-tuning, by two probes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.data.frame_store import FrameStore
from edgefit.data.general import General
from edgefit.evaluate.general_probes import kept_share, linear_votes, neighbour_votes
from edgefit.progress import Reporter
from edgefit.recipe import Recipe
from edgefit.train.backbones.card import input_spec
from edgefit.train.features.cache import FeatureCache
from edgefit.train.features.extract import extract_features
from edgefit.train.network import EdgeNetwork

PROBES = ("neighbours", "linear")


PROBE_TITLES = {"neighbours": "nearest neighbours", "linear": "linear probe"}


def compare_backbones(
    start: EdgeNetwork,
    trained: EdgeNetwork,
    general: General,
    recipe: Recipe,
    cache: FeatureCache,
    reporter: Reporter,
) -> dict[str, Any]:
    table = general.probe
    store = FrameStore(
        table.samples,
        table.root,
        input_spec(recipe),
        budget_mb=recipe.train.cache_mb,
        reporter=reporter,
    )
    features = [
        extract_features(network.eval(), store, cache=cache, reporter=reporter)
        for network in (start, trained)
    ]
    reporter.say("probing the features of the general images")
    targets_N = table.targets_N()
    before, after = (_answers(f, targets_N, general.classes, recipe) for f in features)
    return {
        name: _measure(before[name], after[name], targets_N, table.labels.names, recipe)
        for name in PROBES
    }


def _answers(
    features_NF: NDArray[np.float32], targets_N: NDArray[np.int64], classes: int, recipe: Recipe
) -> dict[str, tuple[NDArray[np.float64], dict[str, float]]]:
    """Each probe's answers, and what it chose on the way."""
    votes_NC = neighbour_votes(features_NF, targets_N, classes, recipe.retention.neighbours)
    linear_NC, strength = linear_votes(features_NF, targets_N, classes, seed=recipe.train.seed)
    return {"neighbours": (votes_NC, {}), "linear": (linear_NC, {"strength": strength})}


def _measure(
    before: tuple[NDArray[np.float64], dict[str, float]],
    after: tuple[NDArray[np.float64], dict[str, float]],
    targets_N: NDArray[np.int64],
    labels: tuple[str, ...],
    recipe: Recipe,
) -> dict[str, Any]:
    options: dict[str, Any] = {
        "resamples": recipe.evaluate.resamples,
        "confidence": recipe.evaluate.confidence,
    }

    def accuracy(answers: tuple[NDArray[np.float64], dict[str, float]]) -> dict[str, Any]:
        found = metrics.evaluate(answers[0], targets_N, labels, **options)
        return {**found.metrics["accuracy"].to_json(), **answers[1]}

    return {
        "before": accuracy(before),
        "after": accuracy(after),
        "kept": kept_share(before[0], after[0], targets_N, **options),
    }


def retention_notes(general: General, weights_source: str) -> list[str]:
    notes = []
    if weights_source == "none":
        notes.append(
            "The network started from random weights: there was no general knowledge to keep, and "
            "`kept` compares with the features of a random network."
        )
    if general.unreadable:
        notes.append(f"{len(general.unreadable)} general images cannot be read and are left out.")
    return notes
