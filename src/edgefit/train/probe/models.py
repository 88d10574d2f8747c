"""The linear models of a probe, and what judges them: folds and temperature.

Both models work on standardised features and are returned as one linear layer for plain features:
the standardisation is folded into weights and bias.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import missing_extra
from edgefit.wording import agreeing, counted

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]

_NEVER = -1e30
"""Logit of a class that a fold's training part does not hold; finite, so that softmax works."""

_MAX_ITERATIONS = 500
_LEAST_VARIANCE = 0.1


@dataclass(frozen=True)
class LinearModel:
    """A linear classifier of features.

    Attributes:
        weight_CF: ``float32`` (C, F).
        bias_C: ``float32`` (C,).
    """

    weight_CF: NDArray[np.float32]
    bias_C: NDArray[np.float32]

    def logits(self, features_NF: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits ``float32`` (N, C)."""
        return features_NF @ self.weight_CF.T + self.bias_C

    def cooled(self, temperature: float) -> LinearModel:
        """The model whose logits are divided by ``temperature``."""
        return LinearModel(
            (self.weight_CF / temperature).astype(np.float32),
            (self.bias_C / temperature).astype(np.float32),
        )


class Standardised:
    """Features with mean 0 and spread 1, and the way back to layers on plain features.

    An almost constant feature would get an enormous weight, and phase two would amplify every small
    shift of that feature. So a tenth of the mean variance of all features is added to the variance
    of each. (Castings, MobileNetV2: the layer's norm falls from 54 to 7 at the same accuracy.)

    Args:
        features_NF: ``float32`` (N, F).
    """

    def __init__(self, features_NF: NDArray[np.float32]) -> None:
        self.mean_F = features_NF.mean(axis=0, dtype=np.float64)
        variance_F = features_NF.var(axis=0, dtype=np.float64)
        floor = max(_LEAST_VARIANCE * float(variance_F.mean()), 1e-12)
        self.spread_F = np.sqrt(variance_F + floor)
        # float32: half the time, the same accuracy (measured on 3683 signs, 43 classes)
        mean_F, spread_F = self.mean_F.astype(np.float32), self.spread_F.astype(np.float32)
        self.features_NF: NDArray[np.float32] = (features_NF - mean_F) / spread_F

    def unfolded(
        self, weight_KF: Floats, bias_K: Floats, present_K: Integers, classes: int
    ) -> LinearModel:
        """Turn a layer for K present classes into one for plain features and all classes."""
        weight_CF = np.zeros((classes, weight_KF.shape[1]), dtype=np.float32)
        bias_C = np.full(classes, _NEVER, dtype=np.float32)
        plain_KF = weight_KF.astype(np.float64) / self.spread_F
        weight_CF[present_K] = plain_KF
        bias_C[present_K] = bias_K - plain_KF @ self.mean_F
        return LinearModel(weight_CF, bias_C)


def fit_logistic(
    scaled: Standardised,
    targets_N: Integers,
    classes: int,
    strengths: Sequence[float],
    *,
    balanced: bool,
    tolerance: float,
) -> Iterator[tuple[LinearModel, bool]]:
    """Multinomial logistic regression with an L2 penalty, one fit per strength.

    Each fit starts from the weights of the previous one; with rising strengths this saves most of
    the work. :func:`edgefit.train.probe.solving.side_by_side` fits several at once.

    Args:
        scaled: Standardised features.
        targets_N: Class positions.
        classes: Number of classes C, present or not.
        strengths: Inverse regularisation strengths (scikit-learn's C), rising.
        balanced: Whether each class gets the same weight.
        tolerance: Largest gradient at the end.

    Yields:
        The model, and whether the solver converged.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ModuleNotFoundError as error:
        raise missing_extra("scikit-learn", "workshop") from error
    solver = LogisticRegression(
        solver="lbfgs",
        tol=tolerance,
        max_iter=_MAX_ITERATIONS,
        class_weight="balanced" if balanced else None,
        warm_start=True,
    )
    for strength in strengths:
        solver.set_params(C=strength)
        solver.fit(scaled.features_NF, targets_N)
        weight_KF, bias_K = solver.coef_, solver.intercept_
        if len(solver.classes_) == 2:  # scikit-learn keeps the difference of the two rows only
            weight_KF = np.concatenate([-weight_KF, weight_KF]) / 2
            bias_K = np.concatenate([-bias_K, bias_K]) / 2
        model = scaled.unfolded(weight_KF, bias_K, solver.classes_, classes)
        yield model, int(solver.n_iter_.max()) < _MAX_ITERATIONS


def fit_nearest_mean(scaled: Standardised, targets_N: Integers, classes: int) -> LinearModel:
    """The class whose mean is nearest (squared Euclidean distance), as a linear layer.

    ``-|x - m|^2 = 2 m.x - |m|^2 - |x|^2``, and the last term is the same for all classes
    (Mensink et al., "Distance-Based Image Classification", PAMI 2013; Snell et al. 2017, section
    2.4, https://arxiv.org/abs/1703.05175).
    """
    present_K = np.unique(targets_N)
    means_KF = np.stack(
        [scaled.features_NF[targets_N == c].mean(axis=0, dtype=np.float64) for c in present_K]
    )
    return scaled.unfolded(2 * means_KF, -np.square(means_KF).sum(axis=1), present_K, classes)


@dataclass(frozen=True)
class Folds:
    """A cross-validation.

    Attributes:
        parts: For each fold, the positions to fit on and to judge; empty without folds.
        notes: In which ways the folds differ from what was asked for.
    """

    parts: tuple[tuple[Integers, Integers], ...]
    notes: tuple[str, ...]


def make_folds(targets_N: Integers, groups_N: NDArray[np.str_], wanted: int, *, seed: int) -> Folds:
    """Stratified folds that divide no group.

    A class can be judged in at most as many folds as it has groups, so the class with the fewest
    groups limits the number of folds. Classes of a single group cannot be judged: their images only
    take part in fitting. If fewer than two classes remain, there are no folds.

    Args:
        targets_N: Class positions.
        groups_N: Group of each row; rows of one group stay in one fold.
        wanted: Number of folds asked for.
        seed: Decides which groups are in which fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    pairs = np.unique(np.stack([targets_N.astype(str), groups_N.astype(str)]), axis=1)[0]
    classes_K, groups_K = np.unique(pairs.astype(np.int64), return_counts=True)
    single_K, judged_K = classes_K[groups_K < 2], classes_K[groups_K >= 2]
    if len(judged_K) < 2:
        words = "fewer than two classes have two groups: no cross-validation"
        return Folds((), (words,))
    notes = []
    if len(single_K):
        notes.append(
            f"{counted(len(single_K), 'class')} of a single group "
            f"{agreeing(len(single_K), 'are')} fitted but not judged"
        )
    count = min(wanted, int(groups_K[groups_K >= 2].min()))
    if count < wanted:
        notes.append(f"{count} folds instead of {wanted}: a class has no more groups")
    rows_J = np.flatnonzero(np.isin(targets_N, judged_K))
    dealer = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    parts = []
    for _, held in dealer.split(rows_J, targets_N[rows_J], groups_N[rows_J]):
        judged_J = rows_J[held]
        fitted_J = np.flatnonzero(~np.isin(groups_N, np.unique(groups_N[judged_J])))
        if len(judged_J) and len(np.unique(targets_N[fitted_J])) > 1:
            parts.append((fitted_J, judged_J))
    return Folds(tuple(parts), tuple(notes))


def probe_temperature(
    logits_NC: NDArray[np.float32], targets_N: Integers, weights_N: Floats
) -> tuple[float, float]:
    """The temperature with the lowest negative log likelihood, and that value in nats.

    Not the temperature of the operating point (``docs/decisions/0024-two-temperatures.md``). Guo et
    al. 2017 (https://arxiv.org/abs/1706.04599). The targets are smoothed by 1 / (N + 2), as
    Platt 1999 does, so that separable logits do not lead to temperature zero.

    Args:
        logits_NC: Logits of images that were not fitted on.
        targets_N: Class positions.
        weights_N: Weight of each image.
    """
    rows = np.arange(len(targets_N))
    possible_N = logits_NC[rows, targets_N] > _NEVER / 2
    logits = logits_NC[possible_N].astype(np.float64)
    truth, weights = targets_N[possible_N], weights_N[possible_N]
    if not len(truth):
        return 1.0, float("inf")
    real = logits > _NEVER / 2
    smoothing = 1 / (len(truth) + 2)
    shares = real / real.sum(axis=1, keepdims=True) * smoothing
    shares[np.arange(len(truth)), truth] += 1 - smoothing

    # convex in the inverse temperature, so there is one valley
    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        logs = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        per_image = -(shares * np.where(real, logs, 0)).sum(axis=1)
        return float((per_image * weights).sum() / weights.sum())

    best = _lowest(loss, float(np.log(0.01)), float(np.log(1e4)))
    return float(np.exp(best)), loss(best)


def _lowest(loss: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with a single valley is lowest: golden section, to 1e-4."""
    share = (5**0.5 - 1) / 2
    left, right = high - share * (high - low), low + share * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-4:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - share * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + share * (high - low)
            at_right = loss(right)
    return (low + high) / 2
