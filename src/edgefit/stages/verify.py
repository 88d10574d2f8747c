"""The stage ``verify``: which exported files are as good as the trained network."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import NDArray

from edgefit.bundle import Bundle, read_bundle
from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import Sample, SampleTable
from edgefit.data.tasks import TASKS as DATA_TASKS
from edgefit.errors import GateError
from edgefit.evaluate.outputs import bootstrap_of, group_columns
from edgefit.evaluate.saved import SavedOutputs
from edgefit.operating.tasks import TASKS
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, VerifyConfig
from edgefit.records.evaluate import Decisions
from edgefit.records.verify import GateSettings, VariantVerdict, VerifyRecord
from edgefit.run import RunFolder
from edgefit.runtime.tasks import TASKS as RUNTIME_TASKS
from edgefit.stages.check import Check
from edgefit.stages.evaluate import Evaluate
from edgefit.stages.export import Export
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Stage
from edgefit.verify.gate import HeldOut, check_variant


class Verify(Stage[VerifyRecord]):
    """Check every exported variant against the network on the held-out images.

    Ensures ``verify/verify.json``. Call :func:`require` on the result to fail if a required variant
    did not pass.
    """

    NAME = "verify"
    SECTIONS = ("verify", "evaluate")
    REQUIRES = (Check, Evaluate, Export)

    def prepare(self) -> None:
        """Read the draft bundle and the held-out frames; run each variant on them."""
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
                bootstrap=bootstrap_of(recipe.evaluate),
                reporter=self.reporter,
            )
            broken = TASKS[recipe.task].broken_limits(
                entry.operating or Decisions(), recipe.operating
            )
            entry = entry.model_copy(update={"warnings": tuple(broken)})
            entries.append(entry)
            _tell(entry, self.reporter)
        self.record = VerifyRecord(
            images=len(held_out.truth),
            config=GateSettings.model_validate(recipe.verify.model_dump()),
            passed=tuple(entry.variant for entry in entries if entry.passed),
            failed={entry.variant: entry.reasons for entry in entries if not entry.passed},
            variants=tuple(entries),
        )

    def work(self, *, resumable: bool) -> VerifyRecord:
        """Write the verdicts."""
        self.record.write(self.run.root)
        return self.record

    def result(self) -> VerifyRecord:
        """The record in ``verify.json``."""
        return VerifyRecord.read(self.run.root)

    def outputs(self, record: VerifyRecord) -> str:
        """Hash of the verdicts."""
        return hashlib.sha256(json.dumps(record.to_json(), sort_keys=True).encode()).hexdigest()


def verify(run: RunFolder, reporter: Reporter = QUIET) -> VerifyRecord:
    """Run the stage; see :class:`Verify`."""
    return always(Runner(run, reporter).run_last(Verify))


def require(results: VerifyRecord, config: VerifyConfig) -> None:
    """Check that the required variants passed.

    Raises:
        GateError: One did not; the message lists each failure with its reasons.
    """
    passed, failed = set(results.passed), results.failed
    if config.required == "any":
        missing = set() if passed else set(failed)
    elif config.required == "all":
        missing = set(failed)
    else:
        missing = set(config.required) - passed
    if missing:
        lines = [f"  - {name}: {'; '.join(failed.get(name, ()))}" for name in sorted(missing)]
        raise GateError(
            "\n".join(["Required variants did not pass the gate:", *lines]),
            key="verify.required",
            expected=config.required,
            found=f"passed: {sorted(passed) or 'none'}",
            remedy="see verify/verify.json in the run; the usual remedies are more calibration "
            "images (--set export.calibration_images=1000), a larger --set verify.max_drop, or "
            "another backbone",
        )


def _held_out(run: RunFolder, recipe: Recipe, bundle: Bundle, reporter: Reporter) -> HeldOut:
    table = frozen_samples(run).of("test")
    saved = SavedOutputs.read(run.root, images=len(table))
    others = _out_of_domain(saved, table, recipe)
    return HeldOut(
        task=bundle.manifest.task,
        frames_NHWC=_frames(table, recipe, bundle, reporter),
        truth=DATA_TASKS[recipe.task].truths(table),
        reference=saved.scored(),
        groups_N=table.groups_N(),
        labels=table.labels,
        rule=bundle.operating,
        columns=group_columns(table, recipe.evaluate),
        references=RUNTIME_TASKS[bundle.manifest.task].references(bundle),
        out_of_domain_MHWC=None if others is None else _frames(others, recipe, bundle, reporter),
    )


def _frames(
    table: SampleTable, recipe: Recipe, bundle: Bundle, reporter: Reporter
) -> NDArray[np.uint8]:
    store = FrameStore(
        table.samples, table.root, bundle.input, budget_mb=recipe.train.cache_mb, reporter=reporter
    )
    return np.concatenate(list(frames_in_order(store)))


def _out_of_domain(saved: SavedOutputs, table: SampleTable, recipe: Recipe) -> SampleTable | None:
    """The general images that ``evaluate`` scored, if any."""
    root = recipe.retention.general
    if saved.out_of_domain is None or root is None:
        return None
    samples = tuple(Sample(path, label="") for path in saved.out_of_domain.paths)
    return SampleTable(root, samples, table.labels)


def _tell(entry: VariantVerdict, reporter: Reporter) -> None:
    if entry.passed:
        worst = max(found.max_abs_difference or 0.0 for found in entry.batches.values())
        reporter.say(f"  {entry.variant}: [green]passed[/], largest difference {worst:.2g}")
        for warning in entry.warnings:
            reporter.warn(f"{entry.variant}: {warning}")
    else:
        reporter.warn(f"{entry.variant} did not pass: {'; '.join(entry.reasons)}")
