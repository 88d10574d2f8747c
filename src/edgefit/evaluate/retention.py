"""General knowledge of a backbone before and after fine-tuning, by two probes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.data.frame_store import FrameStore
from edgefit.data.general import General
from edgefit.evaluate.general_probes import kept_share, linear_votes, neighbour_votes
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.retention import ProbeAccuracy, ProbeRetention, RetentionRecord
from edgefit.train.features.cache import FeatureCache
from edgefit.train.features.extract import extract_features
from edgefit.train.network import EdgeNetwork
from edgefit.wording import counted

PROBE_TITLES = {"neighbours": "nearest neighbours", "linear": "linear probe"}


def measure_retention(
    recipe: Recipe,
    general: General,
    start: EdgeNetwork,
    trained: EdgeNetwork,
    cache: FeatureCache,
    reporter: Reporter = QUIET,
    *,
    source_fingerprint: str | None,
    began: float,
) -> RetentionRecord:
    """Both probes on the general images, with the backbone before and after.

    Args:
        recipe: ``retention``, ``evaluate`` and ``train`` are read.
        general: The general images.
        start: The network as training started it.
        trained: The network as training left it.
        cache: Cache of features.
        reporter: Where progress goes.
        source_fingerprint: Fingerprint of the folder of general images.
        began: ``time.monotonic`` at the start of the work.
    """
    neighbours, linear = _compare(start, trained, general, recipe, cache, reporter)
    return RetentionRecord(
        general=general.facts(),
        images=len(general.probe),
        classes=general.classes,
        k=recipe.retention.neighbours,
        confidence=recipe.evaluate.confidence,
        neighbours=neighbours,
        linear=linear,
        notes=_notes(general, recipe),
        seconds=round(time.monotonic() - began, 1),
        source_fingerprint=source_fingerprint,
    )


@dataclass(frozen=True)
class _Answers:
    """A probe's votes for the general images, ``float64`` (N, C), and the strength it chose."""

    votes_NC: NDArray[np.float64]
    strength: float | None = None


def _compare(
    start: EdgeNetwork,
    trained: EdgeNetwork,
    general: General,
    recipe: Recipe,
    cache: FeatureCache,
    reporter: Reporter,
) -> tuple[ProbeRetention, ProbeRetention]:
    """Retention by the nearest-neighbour probe, and by the linear probe."""
    table = general.probe
    store = FrameStore(
        table.samples,
        table.root,
        start.spec,
        budget_mb=recipe.train.cache_mb,
        reporter=reporter,
    )
    before_NF, after_NF = (
        extract_features(network.eval(), store, cache=cache, reporter=reporter)
        for network in (start, trained)
    )
    reporter.say("probing the features of the general images")
    targets_N, classes = table.targets_N(), general.classes

    def neighbours(features_NF: NDArray[np.float32]) -> _Answers:
        return _Answers(
            neighbour_votes(features_NF, targets_N, classes, recipe.retention.neighbours)
        )

    def linear(features_NF: NDArray[np.float32]) -> _Answers:
        return _Answers(*linear_votes(features_NF, targets_N, classes, seed=recipe.train.seed))

    by_neighbours, by_line = (
        _measure(probe(before_NF), probe(after_NF), targets_N, table.labels.names, recipe)
        for probe in (neighbours, linear)
    )
    return by_neighbours, by_line


def _measure(
    before: _Answers,
    after: _Answers,
    targets_N: NDArray[np.int64],
    labels: tuple[str, ...],
    recipe: Recipe,
) -> ProbeRetention:
    resamples, confidence = recipe.evaluate.resamples, recipe.evaluate.confidence

    def accuracy(answers: _Answers) -> ProbeAccuracy:
        found = metrics.evaluate(
            answers.votes_NC, targets_N, labels, resamples=resamples, confidence=confidence
        ).metrics["accuracy"]
        return ProbeAccuracy(
            value=found.value, low=found.low, high=found.high, strength=answers.strength
        )

    kept = kept_share(
        before.votes_NC, after.votes_NC, targets_N, resamples=resamples, confidence=confidence
    )
    return ProbeRetention(before=accuracy(before), after=accuracy(after), kept=kept)


def _notes(general: General, recipe: Recipe) -> tuple[str, ...]:
    notes = []
    if recipe.model.start.is_random:
        notes.append(
            "The network started from random weights, without general knowledge to keep: `kept` "
            "compares with the features of a random network."
        )
    if general.unreadable:
        notes.append(f"{counted(len(general.unreadable), 'general image')} cannot be read.")
    return tuple(notes)
