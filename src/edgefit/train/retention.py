"""The stage ``retention``: general knowledge of the backbone before and after fine-tuning.

A backbone that was trained on a million pictures of everything knows more than the task asks for,
and what it knows beyond the task is what makes it robust, and what the next task will start from.
Here two probes measure it on general images that training never saw.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.data.formats.folder import read_folder
from edgefit.data.loader import FrameStore
from edgefit.errors import RecipeError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import DataConfig, Recipe
from edgefit.run import RunFolder
from edgefit.train.assembly import build_network, input_spec, load_trained
from edgefit.train.feature_cache import FeatureCache
from edgefit.train.features import extract_features
from edgefit.train.general import General, read_general
from edgefit.train.general_probes import kept_share, linear_votes, neighbour_votes
from edgefit.train.network import EdgeNetwork

STAGE = "retention"
RESULTS = "retention.json"
PROBES = ("neighbours", "linear")
PROBE_TITLES = {"neighbours": "nearest neighbours", "linear": "linear probe"}


def retention(
    run: RunFolder, reporter: Reporter = QUIET, *, cache: FeatureCache | None = None
) -> dict[str, Any]:
    """Measure what the backbone knows of general images, as it started and as it ended.

    Requires the stage ``train`` and ``retention.general`` in the recipe. Ensures
    ``retention/retention.json``.

    Args:
        run: The run.
        reporter: Where progress goes.
        cache: Where features are kept; a folder beside the result by default. Runs that start
            from the same weights share the features of the start if they share the cache.

    Returns:
        What ``retention.json`` holds: for ``neighbours`` and ``linear`` the accuracy ``before`` and
        ``after`` and the share ``kept`` (after / before, paired), each with its interval.

    Raises:
        RecipeError: The recipe names no general images.
        DataError: The general images cannot be used.
        RunError: ``train`` has not ended here.
    """
    recipe = run.recipe()
    source = _source_fingerprint(recipe)
    run.require("train")
    if run.is_done(STAGE, recipe):
        known = run.read_json(STAGE, RESULTS)
        if known["source_fingerprint"] == source:
            reporter.say("[dim]retention: already done with these inputs[/]")
            return known
    run.begin(STAGE, recipe)
    assert recipe.retention.general is not None
    started = time.monotonic()
    spec = input_spec(recipe)
    general = read_general(recipe.retention.general, recipe.retention, spec, reporter=reporter)
    cache = cache or FeatureCache(run.stage_dir(STAGE) / "features")
    start, _, weights = build_network(recipe, run.labels())
    results = {
        "general": general.to_dict(),
        "images": len(general.probe),
        "classes": general.classes,
        "k": recipe.retention.neighbours,
        "confidence": recipe.evaluate.confidence,
        **_compare(start, load_trained(run), general, recipe, cache, reporter),
        "notes": _notes(general, weights.source),
        "seconds": round(time.monotonic() - started, 1),
        "source_fingerprint": source,
    }
    run.write_json(STAGE, RESULTS, results)
    lasting = {name: results[name] for name in PROBES}
    outputs = hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()
    run.mark_done(STAGE, recipe, outputs)
    return results


def general_folder(recipe: Recipe) -> Path:
    """The folder of general images.

    Raises:
        RecipeError: The recipe names none.
    """
    folder = recipe.retention.general
    if folder is None:
        raise RecipeError(
            "No general images are named.",
            key="retention.general",
            expected="a folder with one folder of images a class",
            remedy="give it with --general FOLDER",
        )
    return folder


def _source_fingerprint(recipe: Recipe) -> str | None:
    """Which general images stand there now; None where the folder is gone."""
    folder = general_folder(recipe)
    return read_folder(folder, DataConfig()).fingerprint() if folder.is_dir() else None


def _compare(
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
        return {**found["metrics"]["accuracy"], **answers[1]}

    return {
        "before": accuracy(before),
        "after": accuracy(after),
        "kept": kept_share(before[0], after[0], targets_N, **options),
    }


def _notes(general: General, weights_source: str) -> list[str]:
    notes = []
    if weights_source == "none":
        notes.append(
            "The network started from random weights: there was no general knowledge to keep, and "
            "`kept` compares with the features of a random network."
        )
    if general.unreadable:
        notes.append(f"{len(general.unreadable)} general images cannot be read and are left out.")
    return notes
