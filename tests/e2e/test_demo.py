"""``edgefit demo``: every stage on drawn images, then a bundle and the next commands."""

from __future__ import annotations

from pathlib import Path

from edgefit.bundle import read_bundle
from tests.e2e.program import edgefit, lines

QUICK = {
    "train.epochs": "1",
    "model.backbone": "squeezenet1_1",
    "input.width": "48",
    "input.height": "48",
    "evaluate.resamples": "100",
    "export.engines": "[onnxruntime]",
    "export.precisions": "[fp32,int8]",
    "export.calibration_images": "16",
    "verify.max_drop": "100",
    "benchmark.seconds": "0.1",
    "benchmark.rounds": "1",
}


def test_demo_shows_every_stage_and_what_to_type_next(tmp_path: Path) -> None:
    options = [text for key, value in QUICK.items() for text in ("--set", f"{key}={value}")]
    result = edgefit("demo", "--out", "demo", *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    bundle = tmp_path / "demo" / "run" / "bundle"
    assert read_bundle(bundle).manifest.status == "verified"
    assert "trains from random weights on generated images" in " ".join(result.stderr.split())
    stages = ("check", "train", "calibrate", "evaluate", "export", "verify", "benchmark", "bundle")
    for number, stage in enumerate(stages, start=1):
        assert f"{number}/8 {stage}" in result.stderr
    assert "bundle: demo/run/bundle" in result.stdout
    assert "recommended: onnxruntime/" in result.stdout
    for verb in ("predict", "verify", "benchmark"):
        assert f"edgefit {verb} demo/run/bundle" in result.stderr
    assert "edgefit predict demo/run/bundle demo/belt.avi" in " ".join(result.stderr.split())

    clip = edgefit("predict", "demo/run/bundle", "demo/belt.avi", "--quiet", cwd=tmp_path)
    assert clip.returncode == 0, clip.stderr
    assert len(lines(clip.stdout)) == 60
