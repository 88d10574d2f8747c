"""The last two stages: measure the variants that passed, and pack them into the bundle."""

from __future__ import annotations

import shutil
from typing import Any

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
from edgefit.report.write import write_report
from edgefit.run import RunFolder, write_json
from edgefit.spec import Engine
from edgefit.stages.benchmark import RESULTS
from edgefit.stages.verify import require

# raw samples stay in the run, and an error's text may hold paths of the workstation
_FIGURES = {
    "latency_ms",
    "latency_spread",
    "throughput",
    "load_ms",
    "first_inference_ms",
    "preprocess_ms",
    "peak_memory_mb",
    "model_memory_mb",
}
_GATE = ("batches", "worst_class", "worst_group", "operating", "warnings")


def bundle_run(run: RunFolder, reporter: Reporter = QUIET) -> Manifest:
    """Pack what passed the gate, with its figures, the report and the model card.

    Requires ``verify`` and ``benchmark``. Ensures ``bundle/``, complete.

    Raises:
        GateError: What the recipe requires has not passed.
    """
    recipe = run.recipe()
    run.require("verify", "benchmark")
    target = run.root / "bundle"
    if run.is_done("bundle", recipe) and (target / MANIFEST).is_file():
        reporter.say("[dim]bundle: already done with these inputs[/]")
        return read_bundle(target).manifest
    run.begin("bundle", recipe)
    verified = run.read_json("verify", "verify.json")
    require(verified, recipe.verify)
    draft = read_bundle(run.root / "export", allow_draft=True)
    measured = run.read_json("benchmark", RESULTS)
    with BundleWriter(target) as writer:
        manifest = _verified_manifest(draft.manifest, verified, measured)
        for entry in [f for v in manifest.variants for f in v.files] + manifest.files:
            copy = writer.folder / entry.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(draft.root / entry.path, copy)
        write_json(writer.folder / "verify.json", verified)
        extra = ["verify.json", *write_report(run, manifest, writer.folder)]
        files = [*manifest.files, *describe_files(writer.folder, extra)]
        manifest = manifest.model_copy(update={"files": files})
        writer.finish(manifest)
    run.mark_done("bundle", recipe, outputs=sha256_of(target / MANIFEST))
    return manifest


def _verified_manifest(
    draft: Manifest, verified: dict[str, Any], measured: dict[str, Any]
) -> Manifest:
    gate = {entry["variant"]: entry for entry in verified["variants"]}
    bench = {entry["variant"]: entry for entry in measured["variants"]}
    variants = []
    for variant in draft.variants:
        name = str(variant.key)
        if name not in verified["passed"]:
            continue
        entry = gate[name]
        figures = {k: v for k, v in bench[name].items() if k in _FIGURES}
        facts = {
            "metrics": entry["metrics"],
            "gate": {"passed": True} | {name: entry[name] for name in _GATE if name in entry},
            "benchmark": figures,
        }
        variants.append(variant.model_copy(update=facts))
    return draft.model_copy(
        update={
            "status": "verified",
            "variants": variants,
            "recommended": _recommended(measured),
            "lineage": draft.lineage | {"machine": measured["machine"]},
        }
    )


def _recommended(measured: dict[str, Any]) -> dict[str, str]:
    """The fastest variant over all, and of each engine."""
    found = {"default": measured["recommendation"]["variant"]}
    for engine in Engine:
        own = [e for e in measured["variants"] if e["variant"].startswith(f"{engine}/")]
        found[engine] = recommend({"variants": own})["variant"]
    return {target: variant for target, variant in found.items() if variant is not None}
