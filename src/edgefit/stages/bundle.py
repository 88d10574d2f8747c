"""The stage ``bundle``: pack the variants that passed the gate."""

from __future__ import annotations

import shutil

from edgefit.bench.recommend import recommend
from edgefit.bundle import (
    MANIFEST,
    BundleWriter,
    Manifest,
    describe_files,
    read_bundle,
    sha256_of,
)
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.comparison import ComparisonRecord
from edgefit.records.learning_curve import LearningCurveRecord
from edgefit.records.record import Record, write_json
from edgefit.records.retention import RetentionRecord
from edgefit.records.verify import VerifyRecord
from edgefit.report.write import write_report
from edgefit.run import RunFolder
from edgefit.spec import Engine
from edgefit.stages.benchmark import Benchmark
from edgefit.stages.check import Check
from edgefit.stages.retention import Retention
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import InputFiles, Stage
from edgefit.stages.verify import Verify, require

_STUDIES: tuple[type[Record], ...] = (RetentionRecord, ComparisonRecord, LearningCurveRecord)
_GATE = ("batches", "worst_class", "worst_group", "operating", "warnings")


class BundleStage(Stage[Manifest]):
    """Pack the variants that passed the gate, with figures, report and model card.

    Ensures ``bundle/``, complete.
    """

    NAME = "bundle"
    SECTIONS = ("name", "description")
    REQUIRES = (Check, Verify, Benchmark)
    APPEARS_WHOLE = True

    @classmethod
    def further_inputs(cls, run: RunFolder, recipe: Recipe, files: InputFiles) -> list[str]:
        """Results of other verbs, which the report shows beside those of the stages."""
        paths = [study.path_in(run.root) for study in _STUDIES]
        return [files.file(path) for path in paths if path.is_file()]

    def holds(self) -> bool:
        """Whether the bundle still exists."""
        return (self.folder / MANIFEST).is_file()

    def prepare(self) -> None:
        """Read the draft; check that the required variants passed the gate."""
        self.verified = VerifyRecord.read(self.run.root)
        require(self.verified, self.recipe.verify)
        self.draft = read_bundle(self.run.root / "export", allow_draft=True)

    def work(self, *, resumable: bool) -> Manifest:
        """Copy the files, write the report, the card and the manifest."""
        draft, measured = self.draft, BenchmarkRecord.read(self.run.root)
        with BundleWriter(self.folder) as writer:
            manifest = _verified_manifest(draft.manifest, self.verified, measured)
            for entry in [f for v in manifest.variants for f in v.files] + manifest.files:
                copy = writer.folder / entry.path
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(draft.root / entry.path, copy)
            write_json(writer.folder / VerifyRecord.FILE, self.verified.to_json())
            retention = self.context.is_done(Retention)
            written = write_report(
                self.run, manifest, writer.folder, retention_is_current=retention
            )
            files = [*manifest.files, *describe_files(writer.folder, [VerifyRecord.FILE, *written])]
            manifest = manifest.model_copy(update={"files": files})
            writer.finish(manifest)
        return manifest

    def result(self) -> Manifest:
        """The manifest of the existing bundle."""
        return read_bundle(self.folder).manifest

    def outputs(self, record: Manifest) -> str:
        """Hash of the manifest."""
        return sha256_of(self.folder / MANIFEST)


def bundle_run(run: RunFolder, reporter: Reporter = QUIET) -> Manifest:
    """Run the stage; see :class:`BundleStage`.

    Returns:
        The bundle's manifest.

    Raises:
        GateError: A required variant did not pass the gate.
    """
    return always(Runner(run, reporter).run_last(BundleStage))


def _verified_manifest(
    draft: Manifest, verified: VerifyRecord, measured: BenchmarkRecord
) -> Manifest:
    gate = {entry.variant: entry.to_json() for entry in verified.variants}
    timed = {entry.variant: entry.published() for entry in measured.measured}
    variants = []
    for variant in draft.variants:
        name = str(variant.key)
        if name not in verified.passed:
            continue
        entry = gate[name]
        facts = {
            "metrics": entry["metrics"],
            "gate": {"passed": True} | {name: entry[name] for name in _GATE if name in entry},
            "benchmark": timed.get(name, {}),
        }
        variants.append(variant.model_copy(update=facts))
    return draft.model_copy(
        update={
            "status": "verified",
            "variants": variants,
            "recommended": _recommended(measured),
            "lineage": draft.lineage | {"machine": measured.machine.to_json()},
        }
    )


def _recommended(measured: BenchmarkRecord) -> dict[str, str]:
    """The fastest variant overall, and the fastest of each engine."""
    found = {"default": measured.recommendation.variant}
    for engine in Engine:
        own = [entry for entry in measured.variants if entry.variant.startswith(f"{engine}/")]
        found[engine] = recommend(own).variant
    return {target: variant for target, variant in found.items() if variant is not None}
