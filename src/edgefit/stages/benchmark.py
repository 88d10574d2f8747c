"""The stage ``benchmark``: measure the variants that passed the gate."""

from __future__ import annotations

import hashlib
import json

from edgefit.bench.suite import benchmark
from edgefit.progress import QUIET, Reporter
from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder
from edgefit.spec import VariantKey
from edgefit.stages.export import Export
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Stage
from edgefit.stages.verify import Verify, require


class Benchmark(Stage[BenchmarkRecord]):
    """Measure every variant that passed the gate, each in its own process.

    Ensures ``benchmark/benchmark.json``.
    """

    NAME = "benchmark"
    SECTIONS = ("benchmark",)
    REQUIRES = (Export, Verify)

    def prepare(self) -> None:
        """Check that the required variants passed the gate."""
        self.verified = VerifyRecord.read(self.run.root)
        require(self.verified, self.recipe.verify)

    def work(self, *, resumable: bool) -> BenchmarkRecord:
        """Measure and recommend."""
        record = benchmark(
            self.run.root / "export",
            variants=[VariantKey.parse(name) for name in self.verified.passed],
            threads=self.recipe.benchmark.threads,
            seconds=self.recipe.benchmark.seconds,
            rounds=self.recipe.benchmark.rounds,
            reporter=self.reporter,
        )
        record.write(self.run.root)
        return record

    def result(self) -> BenchmarkRecord:
        """The record in ``benchmark.json``."""
        return BenchmarkRecord.read(self.run.root)

    def outputs(self, record: BenchmarkRecord) -> str:
        """Hash of the figures."""
        return hashlib.sha256(json.dumps(record.to_json(), sort_keys=True).encode()).hexdigest()


def benchmark_run(run: RunFolder, reporter: Reporter = QUIET) -> BenchmarkRecord:
    """Run the stage; see :class:`Benchmark`.

    Returns:
        The record in ``benchmark.json``, including the recommendation.
    """
    return always(Runner(run, reporter).run_last(Benchmark))
