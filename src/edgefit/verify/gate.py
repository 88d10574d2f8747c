"""The gate: one exported file against the trained network, on every held-out image.

Compared per image, never summed first. fp32 files must give the network's own probabilities;
fp16 and int8 files may move them, but not the recipe's metric by more than ``max_drop``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import VerifyConfig
from edgefit.runtime.engines import EngineSession, open_session
from edgefit.runtime.tolerance import self_test_tolerance
from edgefit.spec import Precision, VariantKey

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class HeldOut:
    """What every variant is measured on.

    Attributes:
        frames_NHWC: Preprocessed frames, ``uint8`` (N, H, W, 3).
        targets_N: Their classes.
        groups_N: Their groups, for intervals.
        reference_NC: What the trained network gave, ``float32`` (N, C).
        labels: Class names.
    """

    frames_NHWC: NDArray[np.uint8]
    targets_N: NDArray[np.int64]
    groups_N: NDArray[np.str_]
    reference_NC: Probabilities
    labels: Sequence[str]


def check_variant(
    model_path: Path,
    key: VariantKey,
    held_out: HeldOut,
    config: VerifyConfig,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    reporter: Reporter = QUIET,
) -> dict[str, Any]:
    """Run one file over all held-out frames at each batch size and judge it.

    Returns:
        ``passed``, ``reasons`` (why not), agreement and drop per batch size, and the held-out
        ``metrics`` of this very file (empty where its outputs are not finite).
    """
    # batch 1 runs as the device runs it, with the batch fixed in the compiled graph
    sessions = {
        size: open_session(model_path, key, batch=1 if size == 1 else None)
        for size in config.batch_sizes
    }
    by_batch = {
        size: _run(session, held_out.frames_NHWC, size, f"{key} batch {size}", reporter)
        for size, session in sessions.items()
    }
    results = {
        str(size): _compare(candidate, held_out, config, resamples, confidence)
        for size, candidate in by_batch.items()
    }
    reasons = [
        f"batch {size}: {reason}"
        for size, result in results.items()
        for reason in judge(result, key, config)
    ]
    first = next(iter(by_batch.values()))
    measured: dict[str, Any] = {"metrics": {}}
    if np.isfinite(first).all():
        measured = metrics.evaluate(
            first,
            held_out.targets_N,
            held_out.labels,
            groups_N=held_out.groups_N,
            resamples=resamples,
            confidence=confidence,
        )
    return {
        "variant": str(key),
        "passed": not reasons,
        "reasons": reasons,
        "engine": sessions[config.batch_sizes[0]].describe(),
        "batches": results,
        "metrics": measured["metrics"],
    }


def judge(result: dict[str, Any], key: VariantKey, config: VerifyConfig) -> list[str]:
    """Why a comparison fails the gate; empty when it passes.

    Flips of fp32 files are allowed only where the network itself was undecided: its two best
    classes closer than twice the tolerance.
    """
    if not result["finite"]:
        return ["the outputs hold numbers that are not finite"]
    reasons = []
    tolerance = self_test_tolerance(key)
    if key.precision is Precision.FP32:
        if result["max_abs_difference"] > tolerance:
            reasons.append(
                f"probabilities differ by up to {result['max_abs_difference']:.2g}, "
                f"allowed is {tolerance:g}"
            )
        decided = [m for m in result["margins"] if m > 2 * tolerance]
        if decided:
            reasons.append(f"{len(decided)} images change class where the network was decided")
    if result["drop"] is None:
        reasons.append(f"{config.metric} cannot be measured on these images")
    elif not _within(result["drop"], config):
        reasons.append(
            f"{config.metric} drops by {result['drop'] * 100:.2f} points, "
            f"allowed is {config.max_drop:g}"
        )
    return reasons


def _within(drop: float, config: VerifyConfig) -> bool:
    """A drop of just the limit is within it, whatever the last digit of a difference says."""
    return drop * 100 <= config.max_drop + 1e-9


def _run(
    session: EngineSession, frames_NHWC: NDArray[np.uint8], size: int, name: str, reporter: Reporter
) -> Probabilities:
    rows = []
    with reporter.bar(name, len(frames_NHWC)) as advance:
        for start in range(0, len(frames_NHWC), size):
            rows.append(session.infer(frames_NHWC[start : start + size]))
            advance(len(rows[-1]))
    return np.concatenate(rows)


def _compare(
    candidate_NC: Probabilities,
    held_out: HeldOut,
    config: VerifyConfig,
    resamples: int,
    confidence: float,
) -> dict[str, Any]:
    if not np.isfinite(candidate_NC).all():
        return {"finite": False, "max_abs_difference": None, "margins": [], "drop": None}
    agreement = metrics.disagreement(held_out.reference_NC, candidate_NC)
    drop = metrics.paired_drop(
        config.metric,
        held_out.reference_NC,
        candidate_NC,
        held_out.targets_N,
        held_out.groups_N,
        resamples=resamples,
        confidence=confidence,
    )
    within = drop["high"] is not None and _within(drop["high"], config)
    return {
        "finite": True,
        "images": len(candidate_NC),
        **agreement,
        "metric": config.metric,
        "drop": drop["drop"],
        "drop_low": drop["low"],
        "drop_high": drop["high"],
        "drop_within_limit_with_confidence": within,
    }
