"""The stage `benchmark`: measure the variants that passed the gate."""

from __future__ import annotations

import hashlib
import json

from edgefit.bench.recommend import recommend
from edgefit.bench.suite import benchmark
from edgefit.progress import QUIET, Reporter
from edgefit.records.record import write_json
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder
from edgefit.spec import VariantKey
from edgefit.stages.export import Export
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Facts, Stage, read_facts
from edgefit.stages.verify import Verify, require

RESULTS = "benchmark.json"


class Benchmark(Stage[Facts]):
    """Measure every variant of a run that passed the gate, each in its own process.

    Ensures ``benchmark/benchmark.json``.
    """

    NAME = "benchmark"
    SECTIONS = ("benchmark",)
    REQUIRES = (Export, Verify)

    def prepare(self) -> None:
        """See that what the recipe requires has passed."""
        self.verified = VerifyRecord.read(self.run.root)
        require(self.verified, self.recipe.verify)

    def work(self, *, resumable: bool) -> Facts:
        """Measure and recommend."""
        results = benchmark(
            self.run.root / "export",
            variants=[VariantKey.parse(name) for name in self.verified.passed],
            threads=self.recipe.benchmark.threads,
            seconds=self.recipe.benchmark.seconds,
            rounds=self.recipe.benchmark.rounds,
            reporter=self.reporter,
        )
        results["recommendation"] = recommend(results)
        write_json(self.folder / RESULTS, results)
        return results

    def result(self) -> Facts:
        """What ``benchmark.json`` holds."""
        return read_facts(self.run, "benchmark", RESULTS)

    def outputs(self, record: Facts) -> str:
        """Hash of the figures."""
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def benchmark_run(run: RunFolder, reporter: Reporter = QUIET) -> Facts:
    """Run the stage; see :class:`Benchmark`.

    Returns:
        What ``benchmark.json`` holds, the recommendation included.
    """
    return always(Runner(run, reporter).run(Benchmark))
