"""``edgefit build``: the whole job, what it skips, and what it refuses to bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import edgefit as package
from edgefit.bundle import read_bundle
from edgefit.recipe import load_recipe
from edgefit.runtime.images.decode import decode_image
from tests.e2e.damage import flip_a_byte, replace_graph
from tests.e2e.program import Built, document, edgefit

VARIANTS = {f"{e}/{p}" for e in ("onnxruntime", "openvino") for p in ("fp32", "fp16", "int8")}
STAGES = (
    *("check", "train", "calibrate", "evaluate"),
    *("export", "verify", "benchmark", "bundle"),
)


def skipped(stderr: str) -> list[str]:
    return [name for name in STAGES if f"{name}: already done with these inputs" in stderr]


def build_again(built: Built, run: Path, *options: str) -> Any:
    arguments = ("build", built.recipe, "--data", built.pictures, "--out", run, "--json")
    return edgefit(*arguments, *options, cwd=run.parent)


def test_prints_one_document_that_says_what_was_built(built: Built) -> None:
    summary = document(built.result)
    assert Path(summary["bundle"]) == built.bundle
    assert {v["variant"] for v in summary["variants"]} == VARIANTS
    assert all(v["passed"] for v in summary["variants"])
    assert summary["recommended"]["variant"] in VARIANTS
    assert set(summary["seconds"]) == set(STAGES)
    for variant in summary["variants"]:
        assert variant["metrics"]["accuracy"]["value"] is not None
        assert variant["worst_class"]["recall"]["value"] is not None
        assert variant["operating"]["novelty"]["flagged"]["value"] is not None
        assert variant["benchmark"]["latency_ms"]["p50"] > 0


def test_bundle_is_complete_and_verified(built: Built) -> None:
    bundle = read_bundle(built.bundle)
    assert bundle.manifest.status == "verified"
    assert {str(v.key) for v in bundle.manifest.variants} == VARIANTS
    assert set(bundle.manifest.recommended) == {"default", "onnxruntime", "openvino"}
    assert bundle.labels.names == ("good", "hole", "stain")
    listed = {entry.path for entry in bundle.entries()} | {"manifest.json"}
    found = {p.relative_to(built.bundle).as_posix() for p in built.bundle.rglob("*") if p.is_file()}
    assert found == listed
    golden = {f"golden/{i:03d}.png" for i in range(4)} | {"golden/golden.json"}
    assert golden | {"verify.json", "report.html", "MODEL_CARD.md"} <= listed
    assert bundle.operating.novelty is not None
    assert bundle.operating.novelty.prototypes in listed


def test_bundle_names_no_path_of_the_workstation(built: Built) -> None:
    here = str(built.run.parent)
    texts = [p for p in built.bundle.rglob("*") if p.suffix in {".json", ".html", ".md", ".xml"}]
    assert len(texts) >= 8
    assert [p.name for p in texts if here in p.read_text(encoding="utf-8")] == []


def test_files_that_are_no_pictures_are_counted_listed_and_left_out(built: Built) -> None:
    checked = json.loads((built.run / "check" / "check.json").read_text())
    assert checked["images"] == 96
    assert checked["unreadable"].keys() == {
        "hole/part_90001_view_1.jpg",
        "stain/part_90002_view_1.jpg",
    }
    assert "2 of 98 images cannot be read" in checked["findings"][0]["message"]
    told = " ".join(built.result.stderr.split())
    assert "warning: 2 of 98 images cannot be read and are left out. (hole/part_90001" in told


def test_same_command_again_does_nothing(built: Built, run_copy: Path) -> None:
    before = (run_copy / "bundle" / "manifest.json").read_bytes()
    again = build_again(built, run_copy)
    assert again.returncode == 0, again.stderr
    assert skipped(again.stderr) == list(STAGES)
    assert (run_copy / "bundle" / "manifest.json").read_bytes() == before
    summary = document(again)
    assert summary["seconds"].keys() == set(STAGES)
    assert sum(summary["seconds"].values()) < document(built.result)["seconds"]["export"]


def test_a_changed_key_runs_only_the_stages_that_read_it(built: Built, run_copy: Path) -> None:
    before = json.loads((run_copy / "benchmark" / "benchmark.json").read_text())
    again = build_again(built, run_copy, "--set", "benchmark.rounds=2")
    assert again.returncode == 0, again.stderr
    assert skipped(again.stderr) == [*STAGES[:6]]
    after = json.loads((run_copy / "benchmark" / "benchmark.json").read_text())
    assert (before["settings"]["rounds"], after["settings"]["rounds"]) == (1, 2)
    assert {len(v["rounds"]) for v in after["variants"]} == {2}
    figures = read_bundle(run_copy / "bundle").manifest.variants[0].benchmark
    assert figures["latency_ms"] == after["variants"][0]["latency_ms"]


def swap_two_outputs(path: Path) -> None:
    """Make an ONNX file answer with its first two classes exchanged."""
    import onnx
    from onnx import helper

    model = onnx.load(path)
    wanted, right = model.graph.output[0].name, "right_probabilities"
    for node in model.graph.node:
        node.output[:] = [right if name == wanted else name for name in node.output]
    order = helper.make_tensor("order", onnx.TensorProto.INT64, [3], [1, 0, 2])
    model.graph.initializer.append(order)
    model.graph.node.append(helper.make_node("Gather", [right, "order"], [wanted], axis=1))
    onnx.save(model, path)


def test_a_wrong_export_does_not_pass_the_gate(built: Built, run_copy: Path) -> None:
    replace_graph(run_copy / "export", "onnxruntime/model.fp32.onnx", swap_two_outputs)
    before = (run_copy / "bundle" / "manifest.json").read_bytes()
    refused = build_again(built, run_copy, "--set", "verify.required=all")
    assert refused.returncode == 1, refused.stderr
    facts = document(refused)
    assert facts["error"] == "GateError"
    assert "onnxruntime/fp32: batch 1: probabilities differ by up to" in facts["message"]
    assert "openvino" not in facts["message"]
    assert "verify/verify.json" in facts["remedy"]
    assert "Traceback" not in refused.stderr
    assert (run_copy / "bundle" / "manifest.json").read_bytes() == before
    verified = json.loads((run_copy / "verify" / "verify.json").read_text())
    assert verified["failed"].keys() == {"onnxruntime/fp32"}

    # where any variant will do, the others are bundled and the wrong one is not
    rest = build_again(built, run_copy, "--set", "verify.required=any")
    assert rest.returncode == 0, rest.stderr
    kept = read_bundle(run_copy / "bundle").manifest.variants
    assert {str(v.key) for v in kept} == VARIANTS - {"onnxruntime/fp32"}
    assert not (run_copy / "bundle" / "onnxruntime" / "model.fp32.onnx").exists()


def test_an_export_that_was_changed_is_not_verified(built: Built, run_copy: Path) -> None:
    damaged = run_copy / "export" / "openvino" / "model.int8.bin"
    flip_a_byte(damaged)
    refused = build_again(built, run_copy, "--set", "verify.max_drop=99")
    assert refused.returncode == 1, refused.stderr
    facts = document(refused)
    assert facts["error"] == "IntegrityError"
    assert facts["path"] == str(damaged)


@pytest.mark.parametrize("as_object", [False, True])
def test_the_same_from_python(built: Built, run_copy: Path, as_object: bool) -> None:
    recipe = load_recipe(built.recipe) if as_object else built.recipe
    summary = package.build(recipe, data=built.pictures, out=run_copy)
    assert summary.seconds["train"] < 1
    predictor = package.load(summary.bundle)
    assert str(predictor.variant) == summary.recommended.variant
    picture = next((built.pictures / "good").iterdir())
    prediction = predictor(decode_image(picture))
    assert prediction.label in predictor.labels.names
    assert 1 / 3 <= prediction.confidence <= 1
