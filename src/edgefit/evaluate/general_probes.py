"""Two probes of the general knowledge in a backbone's features, and of how much is left.

Neither probe changes the backbone. *Nearest neighbours* use the geometry of the features and learn
nothing: the most similar other images vote on the class of each image (the weighted vote of Wu et
al. 2018, https://arxiv.org/abs/1805.01978, sec. 3.4). The *linear probe* (Alain & Bengio 2016,
https://arxiv.org/abs/1610.01644) tests whether planes still separate the classes: a logistic
regression that has not seen the image predicts its class.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics import intervals
from edgefit.records.figures import Figure
from edgefit.train.probe.solving import side_by_side

VOTE_TEMPERATURE = 0.07
"""Temperature of the neighbours' weights ``exp(similarity / 0.07)``, as in Wu et al. 2018."""
STRENGTHS = (0.001, 0.01, 0.1)
"""Inverse regularisation (C) tried for the linear probe, on standardised features."""
FOLDS = 5
_ROWS_AT_ONCE = 1024
_TOLERANCE = 1e-3
_MOST_ITERATIONS = 500

Floats = NDArray[np.float64]


def neighbour_votes(
    features_NF: NDArray[np.float32], targets_N: NDArray[np.int64], classes: int, neighbours: int
) -> Floats:
    """How the most similar other images vote on each image.

    Args:
        features_NF: Features, ``float32`` (N, F).
        targets_N: Class of each image, ``int64`` (N,), 0 to C-1.
        classes: Number of classes, C.
        neighbours: How many images vote; fewer where there are not enough.

    Returns:
        Shares of the votes, ``float64`` (N, C); each row sums to 1.

    Raises:
        InputError: There are fewer than two images.
    """
    images = len(features_NF)
    if images < 2:
        raise InputError(
            "Neighbours need other images.", expected="two or more images", found=images
        )
    count = min(neighbours, images - 1)
    lengths = np.linalg.norm(features_NF, axis=1, keepdims=True)
    unit_NF = features_NF / np.maximum(lengths, np.finfo(np.float32).tiny)
    votes_NC = np.zeros((images, classes))
    for start in range(0, images, _ROWS_AT_ONCE):
        rows = np.arange(start, min(start + _ROWS_AT_ONCE, images))
        similarity = unit_NF[rows] @ unit_NF.T
        similarity[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        near = np.take_along_axis(similarity, nearest, axis=1).astype(np.float64)
        # relative to the nearest one, so that the exponential stays in range
        weights = np.exp((near - near.max(axis=1, keepdims=True)) / VOTE_TEMPERATURE)
        np.add.at(votes_NC, (rows[:, None], targets_N[nearest]), weights)
    shares_NC: Floats = votes_NC / votes_NC.sum(axis=1, keepdims=True)
    return shares_NC


def linear_votes(
    features_NF: NDArray[np.float32],
    targets_N: NDArray[np.int64],
    classes: int,
    *,
    strengths: Sequence[float] = STRENGTHS,
    folds: int = FOLDS,
    seed: int = 0,
) -> tuple[Floats, float]:
    """What a logistic regression predicts for images it has not seen (out of fold).

    Args:
        features_NF: Features, ``float32`` (N, F); standardised on each fold's training part.
        targets_N: Class of each image, ``int64`` (N,), 0 to C-1; each class at least twice.
        classes: Number of classes, C.
        strengths: Inverse regularisation strengths to try; the most accurate one is used.
        folds: Number of folds; fewer where the rarest class has fewer images.
        seed: Seed of the division into folds.

    Returns:
        Probabilities ``float64`` (N, C), and the strength used. Each backbone gets the strength
        that suits it, so the choice does not favour any of the compared backbones.

    Raises:
        InputError: A class has a single image.
    """
    counts = np.bincount(targets_N, minlength=classes)
    rarest = int(counts[counts > 0].min())
    if rarest < 2:
        raise InputError(
            "A class of the linear probe has a single image.",
            expected="two or more images of each class",
            found=rarest,
        )
    parts = _folds(features_NF, targets_N, min(folds, rarest), seed)
    best: tuple[Floats, float] | None = None
    most = -1
    for strength in strengths:
        votes_NC = np.zeros((len(features_NF), classes))
        answers = side_by_side(partial(_logistic, features_NF, targets_N, strength), parts)
        for (_, unseen), (present, found) in zip(parts, answers, strict=True):
            votes_NC[np.ix_(unseen, present)] = found
        right = int((votes_NC.argmax(axis=1) == targets_N).sum())
        if right > most:
            best, most = (votes_NC, strength), right
    assert best is not None
    return best


def kept_share(
    before_NC: Floats,
    after_NC: Floats,
    targets_N: NDArray[np.int64],
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Figure:
    """Accuracy after over accuracy before, with a paired bootstrap interval over images.

    Args:
        before_NC: A probe's answers on the starting backbone, (N, C).
        after_NC: Its answers on the trained one, for the same images.
        targets_N: Truth, ``int64`` (N,).
        resamples: Number of bootstrap resamples; both backbones are measured on each.
        confidence: Confidence of the interval.
        seed: Seed of the resamples.

    Returns:
        The share with its interval; 1 means that everything is kept. All three values are None
        where the starting backbone had nothing right.
    """
    right_before_N = (before_NC.argmax(axis=1) == targets_N).astype(np.float64)
    right_after_N = (after_NC.argmax(axis=1) == targets_N).astype(np.float64)
    group_N = intervals.group_index(None, len(targets_N))
    if not right_before_N.any():
        return Figure(value=None, low=None, high=None)
    drawn = []
    for weights_RN in intervals.resampled_weights(group_N, resamples, seed):
        had_R = weights_RN @ right_before_N
        ratio_R = np.full(len(had_R), np.nan)
        np.divide(weights_RN @ right_after_N, had_R, out=ratio_R, where=had_R > 0)
        drawn.append(ratio_R)
    low, high = intervals.percentile_interval(np.concatenate(drawn), confidence)
    value = float(right_after_N.sum() / right_before_N.sum())
    return Figure(value=value, low=float(low), high=float(high))


def _folds(
    features_NF: NDArray[np.float32], targets_N: NDArray[np.int64], folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    from sklearn.model_selection import StratifiedKFold

    division = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return list(division.split(features_NF, targets_N))


def _logistic(
    features_NF: NDArray[np.float32],
    targets_N: NDArray[np.int64],
    strength: float,
    fold: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[NDArray[np.int64], Floats]:
    from sklearn.linear_model import LogisticRegression

    seen, unseen = fold
    known_NF = features_NF[seen]
    mean_F, std_F = known_NF.mean(axis=0), known_NF.std(axis=0)
    std_F = np.where(std_F > 0, std_F, 1)
    model = LogisticRegression(C=strength, tol=_TOLERANCE, max_iter=_MOST_ITERATIONS)
    # it may stop early: the last digits of the optimum do not change the class of an image
    model.fit((known_NF - mean_F) / std_F, targets_N[seen])
    votes: Floats = model.predict_proba((features_NF[unseen] - mean_F) / std_F)
    return model.classes_.astype(np.int64), votes.astype(np.float64)
