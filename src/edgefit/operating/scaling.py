"""Whether the fitted temperature is applied: only where it does not raise the calibration error.

The fit minimises the negative log likelihood (Guo, Pleiss, Sun & Weinberger 2017,
https://arxiv.org/abs/1706.04599, sec. 4.2), not the expected calibration error. The two may
disagree: one confident mistake outweighs many small gaps in the likelihood, and draws the
temperature so high that all other answers become too timid.

The calibration error on the images of the fit is in-sample and therefore flatters the fit, so the
error is also measured by cross-fitting: each fold of groups gets the temperature that the other
folds choose (Stone 1974, https://doi.org/10.1111/j.2517-6161.1974.tb00994.x). Both must not be
above the error without scaling. Binning makes each of these figures uncertain by about the same
amount (Kumar, Liang & Ma 2019, https://arxiv.org/abs/1909.10155); all three share images and bins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics.classification import Floats, Integers, expected_calibration_error
from edgefit.operating.temperature import fit_temperature, softmax
from edgefit.records.calibrate import TemperatureChoice

_FOLDS = 5


def choose_temperature(
    logits_NC: NDArray[np.floating], targets_N: Integers, groups_N: NDArray[np.generic]
) -> TemperatureChoice:
    """Fit a temperature and decide whether it is applied.

    Args:
        logits_NC: Logits before any temperature, float (N, C).
        targets_N: True classes, integer (N,).
        groups_N: Group of each image; a group is never split between folds.

    Raises:
        InputError: Shapes do not fit, or a logit is NaN or infinite.
    """
    fitted = fit_temperature(logits_NC, targets_N)
    before = _error(softmax(logits_NC), targets_N)
    after = _error(softmax(logits_NC, fitted), targets_N)
    left_out = _error_left_out(logits_NC, targets_N, groups_N)
    reason = None
    if after > before:
        reason = _refusal(fitted, before, after, "the validation images that it was fitted on")
    elif left_out is not None and left_out > before:
        reason = _refusal(fitted, before, left_out, "validation images left out of the fit")
    return TemperatureChoice(
        fitted=fitted,
        applied=reason is None,
        reason=reason,
        error_unscaled=before,
        error_fitted=after,
        error_left_out=left_out,
    )


def _refusal(fitted: float, before: float, after: float, images: str) -> str:
    return (
        f"Temperature scaling is not applied: a temperature of {fitted:.3f} would raise the "
        f"expected calibration error from {100 * before:.2f} to {100 * after:.2f} points, measured "
        f"on {images}."
    )


def _error_left_out(
    logits_NC: NDArray[np.floating], targets_N: Integers, groups_N: NDArray[np.generic]
) -> float | None:
    """Calibration error where each fold has the temperature of the others; None for one group."""
    names, group_N = np.unique(groups_N, return_inverse=True)
    if len(names) < 2:
        return None
    folds = min(_FOLDS, len(names))
    fold_N = np.random.default_rng(0).permutation(len(names))[group_N] % folds
    probabilities_NC = np.empty(logits_NC.shape)
    for fold in range(folds):
        inside, others = fold_N == fold, fold_N != fold
        temperature = fit_temperature(logits_NC[others], targets_N[others])
        probabilities_NC[inside] = softmax(logits_NC[inside], temperature)
    return _error(probabilities_NC, targets_N)


def _error(probabilities_NC: Floats, targets_N: Integers) -> float:
    weights_1N = np.ones((1, len(targets_N)))
    return float(expected_calibration_error(probabilities_NC, targets_N, weights_1N)[0])
