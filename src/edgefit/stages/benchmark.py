"""The stage `benchmark`: measure the variants that passed the gate."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from edgefit.bench.recommend import recommend
from edgefit.bench.suite import benchmark
from edgefit.progress import QUIET, Reporter
from edgefit.run import RunFolder
from edgefit.spec import VariantKey
from edgefit.stages.verify import require

RESULTS = "benchmark.json"


def benchmark_run(run: RunFolder, reporter: Reporter = QUIET) -> dict[str, Any]:
    """Measure every variant of a run that passed the gate, each in its own process.

    Requires ``verify``. Ensures ``benchmark/benchmark.json``.

    Returns:
        What that file holds, the recommendation included.
    """
    recipe = run.recipe()
    run.require("verify")
    if run.is_done("benchmark", recipe):
        reporter.say("[dim]benchmark: already done with these inputs[/]")
        return run.read_json("benchmark", RESULTS)
    verified = run.read_json("verify", "verify.json")
    require(verified, recipe.verify)
    run.begin("benchmark", recipe)
    results = benchmark(
        run.root / "export",
        variants=[VariantKey.parse(name) for name in verified["passed"]],
        threads=recipe.benchmark.threads,
        seconds=recipe.benchmark.seconds,
        rounds=recipe.benchmark.rounds,
        reporter=reporter,
    )
    results["recommendation"] = recommend(results)
    run.write_json("benchmark", RESULTS, results)
    digest = hashlib.sha256(json.dumps(results, sort_keys=True).encode()).hexdigest()
    run.mark_done("benchmark", recipe, digest)
    return results
