"""The gate: one exported file against the trained network, on every held-out image.

Compared per image, never summed first. fp32 files must give the network's own probabilities;
fp16 and int8 files may move them, but not the recipe's metric by more than ``max_drop``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.operating.decisions import measure_decisions
from edgefit.operating.novelty import novelty_scores
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import VerifyConfig
from edgefit.runtime.engines import EngineSession, open_session
from edgefit.runtime.tolerance import self_test_tolerance
from edgefit.spec import (
    FEATURE_VECTOR,
    PROBABILITIES,
    LabelMap,
    OperatingPoint,
    Precision,
    VariantKey,
)

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
        columns: Name -> value of each image; its values are the groups of which the worst is told.
        point: The operating point that is measured on every file.
        prototypes_CF: What novelty is scored by, ``float32`` (C, F); None where it is not.
        novelty_N: The trained network's novelty scores, ``float32`` (N,).
        elsewhere_MHWC: Pictures that are none of the job's, ``uint8`` (M, H, W, 3), if there are.
    """

    frames_NHWC: NDArray[np.uint8]
    targets_N: NDArray[np.int64]
    groups_N: NDArray[np.str_]
    reference_NC: Probabilities
    labels: Sequence[str]
    columns: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    point: OperatingPoint = field(default_factory=OperatingPoint)
    prototypes_CF: NDArray[np.float32] | None = None
    novelty_N: NDArray[np.float32] | None = None
    elsewhere_MHWC: NDArray[np.uint8] | None = None


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
        ``passed``, ``reasons`` (why not), agreement and drop per batch size, and what this very
        file does on the held-out images: ``metrics``, ``worst_class``, ``worst_group`` and
        ``operating`` (empty or None where its outputs are not finite).
    """
    # batch 1 runs as the device runs it, with the batch fixed in the compiled graph
    sessions = {
        size: open_session(model_path, key, batch=1 if size == 1 else None)
        for size in config.batch_sizes
    }
    by_batch, novelty_N = _run_at_each_size(sessions, held_out, key, reporter)
    results = {
        str(size): _compare(candidate, held_out, config, resamples, confidence)
        for size, candidate in by_batch.items()
    }
    reasons = [
        f"batch {size}: {reason}"
        for size, result in results.items()
        for reason in judge(result, key, config)
    ]
    first_size, first_NC = next(iter(by_batch.items()))
    if novelty_N is not None:
        difference = _largest_difference(novelty_N, held_out.novelty_N)
        results[str(first_size)]["novelty_difference"] = difference
        reasons += judge_novelty(difference, key)
    measured: dict[str, Any] = {
        "metrics": {},
        "worst_class": None,
        "worst_group": None,
        "operating": None,
    }
    if np.isfinite(first_NC).all():
        elsewhere_M = _elsewhere(sessions[first_size], first_size, held_out, str(key), reporter)
        measured = _measure(first_NC, novelty_N, elsewhere_M, held_out, resamples, confidence)
    return {
        "variant": str(key),
        "passed": not reasons,
        "reasons": reasons,
        "engine": sessions[config.batch_sizes[0]].describe(),
        "batches": results,
        **measured,
    }


def _run_at_each_size(
    sessions: Mapping[int, EngineSession], held_out: HeldOut, key: VariantKey, reporter: Reporter
) -> tuple[dict[int, Probabilities], NDArray[np.float32] | None]:
    """Probabilities by batch size; and novelty scores (N,), which the first size gives."""
    by_batch: dict[int, Probabilities] = {}
    novelty_N = None
    for size, session in sessions.items():
        prototypes_CF = None if by_batch else held_out.prototypes_CF
        by_batch[size], scores_N = run_file(
            session,
            held_out.frames_NHWC,
            size,
            f"{key} batch {size}",
            prototypes_CF,
            reporter,
        )
        novelty_N = scores_N if prototypes_CF is not None else novelty_N
    return by_batch, novelty_N


def _measure(
    found_NC: Probabilities,
    novelty_N: NDArray[np.float32] | None,
    elsewhere_M: NDArray[np.float32] | None,
    held_out: HeldOut,
    resamples: int,
    confidence: float,
) -> dict[str, Any]:
    """``metrics``, ``worst_class``, ``worst_group`` and ``operating`` of a file's own answers."""
    resampling: dict[str, Any] = {
        "groups_N": held_out.groups_N,
        "resamples": resamples,
        "confidence": confidence,
    }
    found = metrics.evaluate(found_NC, held_out.targets_N, held_out.labels, **resampling)
    return {
        "metrics": found["metrics"],
        "worst_class": found["worst_class"],
        "worst_group": metrics.worst_group(
            found_NC, held_out.targets_N, held_out.columns, confidence=confidence
        ),
        "operating": measure_decisions(
            found_NC,
            held_out.targets_N,
            LabelMap(tuple(held_out.labels)),
            held_out.point,
            novelty_N=novelty_N,
            elsewhere_M=elsewhere_M,
            **resampling,
        ),
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


def judge_novelty(difference: float | None, key: VariantKey) -> list[str]:
    """Why the novelty scores fail the gate: those of fp32 files must be the network's own."""
    tolerance = self_test_tolerance(key)
    if difference is None:
        return ["the features hold numbers that are not finite"]
    if key.precision is Precision.FP32 and difference > tolerance:
        return [f"novelty scores differ by up to {difference:.2g}, allowed is {tolerance:g}"]
    return []


def _largest_difference(
    found_N: NDArray[np.float32], expected_N: NDArray[np.float32] | None
) -> float | None:
    if expected_N is None or not np.isfinite(found_N).all():
        return None
    return float(np.abs(found_N - expected_N).max())


def _elsewhere(
    session: EngineSession, size: int, held_out: HeldOut, key: str, reporter: Reporter
) -> NDArray[np.float32] | None:
    """Novelty scores of the pictures that are none of the job's."""
    if held_out.elsewhere_MHWC is None or held_out.prototypes_CF is None:
        return None
    name = f"{key} pictures from elsewhere"
    frames = held_out.elsewhere_MHWC
    return run_file(session, frames, size, name, held_out.prototypes_CF, reporter)[1]


def _within(drop: float, config: VerifyConfig) -> bool:
    """A drop of just the limit is within it, whatever the last digit of a difference says."""
    return drop * 100 <= config.max_drop + 1e-9


def run_file(
    session: EngineSession,
    frames_NHWC: NDArray[np.uint8],
    size: int,
    name: str,
    prototypes_CF: NDArray[np.float32] | None,
    reporter: Reporter,
) -> tuple[Probabilities, NDArray[np.float32] | None]:
    """Probabilities (N, C) of all frames, ``size`` at a time; with prototypes, novelty (N,) too."""
    rows, scores = [], []
    with reporter.bar(name, len(frames_NHWC)) as advance:
        for start in range(0, len(frames_NHWC), size):
            batch_NHWC = frames_NHWC[start : start + size]
            features = [] if prototypes_CF is None else [FEATURE_VECTOR.name]
            outputs = session.infer(batch_NHWC, [PROBABILITIES.name, *features])
            rows.append(outputs[PROBABILITIES.name])
            if prototypes_CF is not None:
                scores.append(novelty_scores(outputs[FEATURE_VECTOR.name], prototypes_CF))
            advance(len(rows[-1]))
    return np.concatenate(rows), np.concatenate(scores) if scores else None


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
