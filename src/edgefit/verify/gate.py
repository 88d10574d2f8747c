"""The gate: one exported file against the trained network, on every held-out image.

Compared per image, never summed first. fp32 files must give the network's own probabilities;
fp16 and int8 files may move them, but not the recipe's metric by more than ``max_drop``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.operating.decisions import measure_decisions
from edgefit.operating.novelty import novelty_scores
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import VerifyConfig
from edgefit.records.evaluate import Decisions, Evaluation, GroupFigures
from edgefit.records.verify import Agreement, VariantVerdict
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
        out_of_domain_MHWC: General images that show none of the classes, ``uint8``
            (M, H, W, 3); None where there are none.
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
    out_of_domain_MHWC: NDArray[np.uint8] | None = None


def check_variant(
    model_path: Path,
    key: VariantKey,
    held_out: HeldOut,
    config: VerifyConfig,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    reporter: Reporter = QUIET,
) -> VariantVerdict:
    """Run one file over all held-out frames at each batch size and judge it.

    Returns:
        Whether it passed and why not, the agreement at each batch size, and what this very file
        does on the held-out images (empty or None where its outputs are not finite).
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
        results[str(first_size)] = results[str(first_size)].model_copy(
            update={"novelty_difference": difference}
        )
        reasons += judge_novelty(difference, key)
    measured = None
    if np.isfinite(first_NC).all():
        out_of_domain_M = _out_of_domain(
            sessions[first_size], first_size, held_out, str(key), reporter
        )
        measured = _measure(first_NC, novelty_N, out_of_domain_M, held_out, resamples, confidence)
    return VariantVerdict(
        variant=str(key),
        passed=not reasons,
        reasons=tuple(reasons),
        engine=sessions[config.batch_sizes[0]].describe(),
        batches=results,
        metrics=measured.evaluation.metrics if measured else {},
        worst_class=measured.evaluation.worst_class if measured else None,
        worst_group=measured.worst_group if measured else None,
        operating=measured.operating if measured else None,
    )


@dataclass(frozen=True)
class _Measured:
    """What a file does on the held-out images."""

    evaluation: Evaluation
    worst_group: GroupFigures | None
    operating: Decisions


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
    out_of_domain_M: NDArray[np.float32] | None,
    held_out: HeldOut,
    resamples: int,
    confidence: float,
) -> _Measured:
    return _Measured(
        metrics.evaluate(
            found_NC,
            held_out.targets_N,
            held_out.labels,
            groups_N=held_out.groups_N,
            resamples=resamples,
            confidence=confidence,
        ),
        metrics.worst_group(found_NC, held_out.targets_N, held_out.columns, confidence=confidence),
        measure_decisions(
            found_NC,
            held_out.targets_N,
            LabelMap(tuple(held_out.labels)),
            held_out.point,
            groups_N=held_out.groups_N,
            novelty_N=novelty_N,
            out_of_domain_M=out_of_domain_M,
            resamples=resamples,
            confidence=confidence,
        ),
    )


def judge(found: Agreement, key: VariantKey, config: VerifyConfig) -> list[str]:
    """Why a comparison fails the gate; empty when it passes.

    Flips of fp32 files are allowed only where the network itself was undecided: its two best
    classes closer than twice the tolerance.
    """
    if not found.finite:
        return ["the outputs hold numbers that are not finite"]
    reasons = []
    tolerance = self_test_tolerance(key)
    if key.precision is Precision.FP32:
        difference = found.max_abs_difference or 0.0
        if difference > tolerance:
            reasons.append(
                f"probabilities differ by up to {difference:.2g}, allowed is {tolerance:g}"
            )
        decided = [margin for margin in found.margins if margin > 2 * tolerance]
        if decided:
            reasons.append(f"{len(decided)} images change class where the network was decided")
    if found.drop is None:
        reasons.append(f"{config.metric} cannot be measured on these images")
    elif not _within(found.drop, config):
        reasons.append(
            f"{config.metric} drops by {found.drop * 100:.2f} points, "
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


def _out_of_domain(
    session: EngineSession, size: int, held_out: HeldOut, key: str, reporter: Reporter
) -> NDArray[np.float32] | None:
    """Novelty scores of the images that show none of the classes."""
    if held_out.out_of_domain_MHWC is None or held_out.prototypes_CF is None:
        return None
    name = f"{key} out-of-domain images"
    frames = held_out.out_of_domain_MHWC
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
) -> Agreement:
    if not np.isfinite(candidate_NC).all():
        return Agreement(finite=False, max_abs_difference=None, margins=(), drop=None)
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
    return Agreement(
        finite=True,
        images=len(candidate_NC),
        max_abs_difference=agreement.max_abs_difference,
        mean_abs_difference=agreement.mean_abs_difference,
        top1_flips=agreement.top1_flips,
        flip_indices=agreement.flip_indices,
        margins=agreement.margins,
        metric=config.metric,
        drop=drop.value,
        drop_low=drop.low,
        drop_high=drop.high,
        drop_within_limit_with_confidence=drop.high is not None and _within(drop.high, config),
    )
