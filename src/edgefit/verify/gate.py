"""The gate: one exported file against the trained network, on every held-out image.

The gate compares outputs per image and never sums them first. fp32 files must reproduce the
network's own outputs. fp16 and int8 files may change them, but the recipe's metric may not drop by
more than ``max_drop``. Only the task knows how to read and rate an output:
:mod:`edgefit.metrics.tasks`, :mod:`edgefit.operating.tasks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.metrics.tasks import TASKS as METRICS_TASKS
from edgefit.operating.novelty import NOVELTY
from edgefit.operating.tasks import TASKS as OPERATING_TASKS
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import VerifyConfig
from edgefit.records.evaluate import Decisions, Evaluation, GroupFigures
from edgefit.records.verify import Agreement, VariantVerdict
from edgefit.runtime.engines import EngineSession, open_session
from edgefit.runtime.tasks import TASKS as RUNTIME_TASKS
from edgefit.runtime.tolerance import self_test_tolerance
from edgefit.spec import (
    OUTPUTS,
    LabelMap,
    Outputs,
    Precision,
    References,
    Rule,
    Task,
    Truth,
    VariantKey,
)


@dataclass(frozen=True)
class HeldOut:
    """The held-out images on which every variant is measured.

    Attributes:
        task: The task of the model.
        frames_NHWC: Preprocessed frames, ``uint8`` (N, H, W, 3).
        truth: What the data set says about each of them.
        reference: The trained network's outputs by name, with ``novelty`` (N,) where it is scored.
        groups_N: Their groups, for intervals.
        labels: Class names.
        rule: The rule that is measured on every file.
        columns: Name -> value of each image; images that share a value are a group.
        references: Arrays that the rule compares features with.
        out_of_domain_MHWC: General images that show none of the classes, ``uint8``
            (M, H, W, 3); None where there are none.
    """

    task: Task
    frames_NHWC: NDArray[np.uint8]
    truth: Sequence[Truth]
    reference: Outputs
    groups_N: NDArray[np.str_]
    labels: LabelMap
    rule: Rule
    columns: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    references: References = field(default_factory=dict)
    out_of_domain_MHWC: NDArray[np.uint8] | None = None

    def beside_truth(self, outputs: Outputs) -> LabelledOutputs:
        """Outputs for these frames beside their truth."""
        return LabelledOutputs(outputs, self.truth, self.labels, self.groups_N)


def check_variant(
    model_path: Path,
    key: VariantKey,
    held_out: HeldOut,
    config: VerifyConfig,
    *,
    bootstrap: Bootstrap | None = None,
    reporter: Reporter = QUIET,
) -> VariantVerdict:
    """Run one file over all held-out frames at each batch size and judge it.

    Returns:
        Whether it passed and why not, the agreement at each batch size, and the results of this
        exact file on the held-out images (empty or None where its outputs are not finite).
    """
    bootstrap = bootstrap or Bootstrap()
    # batch 1 runs as on the device, with the batch fixed in the compiled graph
    sessions = {
        size: open_session(model_path, key, batch=1 if size == 1 else None)
        for size in config.batch_sizes
    }
    by_batch = _run_at_each_size(sessions, held_out, key, reporter)
    results = {
        str(size): _compare(candidate, held_out, config, bootstrap)
        for size, candidate in by_batch.items()
    }
    reasons = [
        f"batch {size}: {reason}"
        for size, found in results.items()
        for reason in judge(found, key, config, held_out.task)
    ]
    first_size, first = next(iter(by_batch.items()))
    if NOVELTY in first:
        difference = _largest_difference(first[NOVELTY], held_out.reference.get(NOVELTY))
        update = {"novelty_difference": difference}
        results[str(first_size)] = results[str(first_size)].model_copy(update=update)
        reasons += judge_novelty(difference, key)
    measured = None
    if results[str(first_size)].finite:
        others = _out_of_domain(sessions[first_size], first_size, held_out, str(key), reporter)
        measured = _measure(first, others, held_out, bootstrap)
    return VariantVerdict(
        variant=str(key),
        passed=not reasons,
        reasons=tuple(reasons),
        engine=sessions[first_size].describe(),
        batches=results,
        metrics=measured.evaluation.metrics if measured else {},
        worst_class=measured.evaluation.worst_class if measured else None,
        worst_group=measured.worst_group if measured else None,
        operating=measured.operating if measured else None,
    )


@dataclass(frozen=True)
class _Measured:
    """The results of a file on the held-out images."""

    evaluation: Evaluation
    worst_group: GroupFigures | None
    operating: Decisions


def _run_at_each_size(
    sessions: Mapping[int, EngineSession], held_out: HeldOut, key: VariantKey, reporter: Reporter
) -> dict[int, Outputs]:
    """The task's outputs by batch size; the first size also includes what the rule reads."""
    by_batch: dict[int, Outputs] = {}
    for size, session in sessions.items():
        names = tuple(output.name for output in OUTPUTS[held_out.task])
        if not by_batch:
            names = RUNTIME_TASKS[held_out.task].wanted(held_out.rule)
        by_batch[size] = run_file(
            session, held_out.frames_NHWC, size, f"{key} batch {size}", names, held_out, reporter
        )
    return by_batch


def _measure(
    found: Outputs, out_of_domain: Outputs | None, held_out: HeldOut, bootstrap: Bootstrap
) -> _Measured:
    metrics, labelled = METRICS_TASKS[held_out.task], held_out.beside_truth(found)
    return _Measured(
        metrics.evaluate(labelled, bootstrap),
        metrics.worst_group(labelled, held_out.columns, bootstrap.confidence),
        OPERATING_TASKS[held_out.task].measure(held_out.rule, labelled, out_of_domain, bootstrap),
    )


def judge(found: Agreement, key: VariantKey, config: VerifyConfig, task: Task) -> list[str]:
    """Why a comparison fails the gate; empty when it passes."""
    if not found.finite:
        return ["the outputs contain numbers that are not finite"]
    reasons = []
    if key.precision is Precision.FP32:
        reasons = METRICS_TASKS[task].departures(found, self_test_tolerance(key))
    if found.drop is None:
        reasons.append(f"{config.metric} cannot be measured on these images")
    elif not _within(found.drop, config):
        reasons.append(
            f"{config.metric} drops by {found.drop * 100:.2f} points; "
            f"the limit is {config.max_drop:g}"
        )
    return reasons


def judge_novelty(difference: float | None, key: VariantKey) -> list[str]:
    """Why the novelty scores fail the gate: fp32 files must reproduce the network's scores."""
    tolerance = self_test_tolerance(key)
    if difference is None:
        return ["the features contain numbers that are not finite"]
    if key.precision is Precision.FP32 and difference > tolerance:
        return [f"novelty scores differ by up to {difference:.2g}; the limit is {tolerance:g}"]
    return []


def _largest_difference(
    found_N: NDArray[np.float32], expected_N: NDArray[np.float32] | None
) -> float | None:
    if expected_N is None or not np.isfinite(found_N).all():
        return None
    return float(np.abs(found_N - expected_N).max())


def _out_of_domain(
    session: EngineSession, size: int, held_out: HeldOut, key: str, reporter: Reporter
) -> Outputs | None:
    """Scored outputs for the images that show none of the classes."""
    if held_out.out_of_domain_MHWC is None or not held_out.references:
        return None
    names = RUNTIME_TASKS[held_out.task].wanted(held_out.rule)
    title = f"{key} out-of-domain images"
    frames_MHWC = held_out.out_of_domain_MHWC
    return run_file(session, frames_MHWC, size, title, names, held_out, reporter)


def _within(drop: float, config: VerifyConfig) -> bool:
    """Whether a drop is within the limit; a drop that equals the limit is, despite rounding."""
    return drop * 100 <= config.max_drop + 1e-9


def run_file(
    session: EngineSession,
    frames_NHWC: NDArray[np.uint8],
    size: int,
    title: str,
    names: Sequence[str],
    held_out: HeldOut,
    reporter: Reporter,
) -> Outputs:
    """Outputs of all frames, ``size`` at a time; novelty scores replace the features behind them.

    Args:
        session: An open file.
        frames_NHWC: Preprocessed frames, ``uint8`` (N, H, W, 3).
        size: Batch size; the last batch may be short.
        title: Title of the progress bar.
        names: The outputs to compute.
        held_out: Holds the task, and the references that score novelty.
        reporter: Where progress goes.
    """
    task = OPERATING_TASKS[held_out.task]
    batches: dict[str, list[NDArray[np.float32]]] = {}
    with reporter.bar(title, len(frames_NHWC)) as advance:
        for start in range(0, len(frames_NHWC), size):
            batch_NHWC = frames_NHWC[start : start + size]
            found = task.scored(session.infer(batch_NHWC, names), held_out.references)
            for name, values in found.items():
                batches.setdefault(name, []).append(values)
            advance(len(batch_NHWC))
    return {name: np.concatenate(values) for name, values in batches.items()}


def _compare(
    candidate: Outputs, held_out: HeldOut, config: VerifyConfig, bootstrap: Bootstrap
) -> Agreement:
    metrics = METRICS_TASKS[held_out.task]
    agreement = metrics.agreement(held_out.reference, candidate)
    if not agreement.finite:
        return agreement.model_copy(update={"drop": None})
    reference = held_out.beside_truth(held_out.reference)
    drop = metrics.paired_drop(config.metric, reference, candidate, bootstrap)
    return agreement.model_copy(
        update={
            "metric": config.metric,
            "drop": drop.value,
            "drop_low": drop.low,
            "drop_high": drop.high,
            "drop_within_limit_with_confidence": drop.high is not None
            and _within(drop.high, config),
        }
    )
