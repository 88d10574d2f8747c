"""The stage ``verify``: which exported files are as good as the trained network."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.bundle import Bundle, read_bundle
from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import Sample, SampleTable
from edgefit.errors import GateError, RunError
from edgefit.evaluate.outputs import group_columns
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, VerifyConfig
from edgefit.records.record import write_json
from edgefit.run import RunFolder
from edgefit.runtime.tasks.prototypes import read_prototypes
from edgefit.spec import ClassificationRule
from edgefit.stages.check import Check
from edgefit.stages.evaluate import PROBABILITIES, Evaluate
from edgefit.stages.export import Export
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Facts, Stage, read_facts
from edgefit.verify.gate import HeldOut, check_variant

RESULTS = "verify.json"


class Verify(Stage[Facts]):
    """Check every exported variant against the network on the held-out images.

    Ensures ``verify/verify.json``. Call :func:`require` on the result to fail where a required
    variant did not pass.
    """

    NAME = "verify"
    SECTIONS = ("verify", "evaluate")
    REQUIRES = (Check, Evaluate, Export)

    def prepare(self) -> None:
        """Read the draft bundle and the held-out frames; run each variant over them."""
        recipe = self.recipe
        bundle = read_bundle(self.run.root / "export", allow_draft=True)
        held_out = _held_out(self.run, recipe, bundle, self.reporter)
        entries = []
        for variant in bundle.manifest.variants:
            entry = check_variant(
                bundle.model_path(variant.key),
                variant.key,
                held_out,
                recipe.verify,
                resamples=recipe.evaluate.resamples,
                confidence=recipe.evaluate.confidence,
                reporter=self.reporter,
            )
            entry["warnings"] = _warnings(entry, recipe)
            entries.append(entry)
            _tell(entry, self.reporter)
        self.results = {
            "images": len(held_out.targets_N),
            "config": recipe.verify.model_dump(mode="json"),
            "passed": [e["variant"] for e in entries if e["passed"]],
            "failed": {e["variant"]: e["reasons"] for e in entries if not e["passed"]},
            "variants": entries,
        }

    def work(self, *, resumable: bool) -> Facts:
        """Write the verdicts."""
        write_json(self.folder / RESULTS, self.results)
        return self.results

    def result(self) -> Facts:
        """What ``verify.json`` holds."""
        return read_facts(self.run, "verify", RESULTS)

    def outputs(self, record: Facts) -> str:
        """Hash of the verdicts."""
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def verify(run: RunFolder, reporter: Reporter = QUIET) -> Facts:
    """Run the stage; see :class:`Verify`.

    Returns:
        What ``verify.json`` holds: ``variants`` (one entry each), ``passed``, ``failed``.
    """
    return always(Runner(run, reporter).run(Verify))


def require(results: dict[str, Any], config: VerifyConfig) -> None:
    """Check that what the recipe requires has passed.

    Raises:
        GateError: It has not; lists each failure with its reasons.
    """
    passed, failed = set(results["passed"]), results["failed"]
    if config.required == "any":
        missing = set() if passed else set(failed)
    elif config.required == "all":
        missing = set(failed)
    else:
        missing = set(config.required) - passed
    if missing:
        lines = [f"  - {name}: {'; '.join(failed.get(name, []))}" for name in sorted(missing)]
        raise GateError(
            "\n".join(["Required variants did not pass the gate:", *lines]),
            key="verify.required",
            expected=config.required,
            found=f"passed: {sorted(passed) or 'none'}",
            remedy="see verify/verify.json in the run; more calibration images "
            "(--set export.calibration_images=1000), a larger --set verify.max_drop, or another "
            "backbone are the usual ways out",
        )


def _held_out(run: RunFolder, recipe: Recipe, bundle: Bundle, reporter: Reporter) -> HeldOut:
    table = frozen_samples(run).of("test")
    with np.load(run.root / "evaluate" / PROBABILITIES, allow_pickle=False) as saved:
        arrays = dict(saved)
    reference_NC = arrays["probabilities"]
    if len(reference_NC) != len(table):
        raise RunError(
            "The evaluation belongs to another table of samples.",
            path=run.root / "evaluate" / PROBABILITIES,
            expected=f"{len(table)} rows",
            found=f"{len(reference_NC)} rows",
            remedy=f"run `edgefit evaluate {run.root}` again",
        )
    elsewhere = _elsewhere(arrays, table, recipe)
    point = ClassificationRule.of(bundle.operating)
    return HeldOut(
        _frames(table, recipe, bundle, reporter),
        table.targets_N(),
        table.groups_N(),
        reference_NC,
        table.labels.names,
        columns=group_columns(table, recipe.evaluate),
        point=point,
        prototypes_CF=(
            None if point.novelty is None else read_prototypes(bundle, point.novelty.prototypes)
        ),
        novelty_N=arrays.get("novelty"),
        elsewhere_MHWC=None if elsewhere is None else _frames(elsewhere, recipe, bundle, reporter),
    )


def _frames(
    table: SampleTable, recipe: Recipe, bundle: Bundle, reporter: Reporter
) -> NDArray[np.uint8]:
    store = FrameStore(
        table.samples, table.root, bundle.input, budget_mb=recipe.train.cache_mb, reporter=reporter
    )
    return np.concatenate(list(frames_in_order(store)))


def _elsewhere(arrays: dict[str, Any], table: SampleTable, recipe: Recipe) -> SampleTable | None:
    """The general images that ``evaluate`` scored, if it did."""
    paths, root = arrays.get("elsewhere_paths"), recipe.retention.general
    if paths is None or root is None:
        return None
    samples = tuple(Sample(str(path), label="") for path in paths)
    return SampleTable(root, samples, table.labels)


def _warnings(entry: dict[str, Any], recipe: Recipe) -> list[str]:
    """Where a file does not keep the limits of the operating point on the held-out images."""
    measured, config = entry["operating"] or {}, recipe.operating
    rates = measured.get("threshold") or {}
    limits = {"escape_rate": config.max_escape, "overkill_rate": config.max_overkill}
    warnings = [
        f"{name.replace('_', ' ')} {rates[name]['value']:.2%} "
        f"({rates[name]['count']} of {rates[name]['images']}) is above the limit of {limit:.2%}"
        for name, limit in limits.items()
        if limit is not None and rates and (rates[name]["value"] or 0) > limit
    ]
    coverage = (measured.get("conformal") or {}).get("coverage")
    if coverage and coverage["high"] is not None and coverage["high"] < config.coverage:
        warnings.append(
            f"prediction sets cover {coverage['value']:.2%}, stated are {config.coverage:.2%}"
        )
    return warnings


def _tell(entry: dict[str, Any], reporter: Reporter) -> None:
    if entry["passed"]:
        worst = max(b["max_abs_difference"] for b in entry["batches"].values())
        reporter.say(f"  {entry['variant']}: [green]passed[/], largest difference {worst:.2g}")
        for warning in entry["warnings"]:
            reporter.warn(f"{entry['variant']}: {warning}")
    else:
        reporter.warn(f"{entry['variant']} did not pass: {'; '.join(entry['reasons'])}")
