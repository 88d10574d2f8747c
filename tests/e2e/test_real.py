"""A small share of a real set, from real weights to a bundle that OpenVINO's own tools open."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import edgefit as package
from edgefit.bundle import read_bundle
from edgefit.runtime.images.decode import decode_image
from edgefit.runtime.images.preprocess import preprocess
from tests.e2e.program import REPOSITORY, Result, document, edgefit

QUICK = {
    "data.include": "['*[0369]1.jpeg']",  # 90 of 2,015 pictures, by the end of their number
    "input.width": "96",
    "input.height": "96",
    "train.mode": "probe",
    "evaluate.resamples": "100",
    "export.precisions": "[fp32,int8]",
    "export.calibration_images": "32",
    "verify.max_drop": "25",
    "benchmark.seconds": "0.2",
    "benchmark.rounds": "1",
}


@pytest.fixture(scope="module")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """How the build ended, and its run folder."""
    run = tmp_path_factory.mktemp("real") / "run"
    options = [text for key, value in QUICK.items() for text in ("--set", f"{key}={value}")]
    arguments: list[str | Path] = [
        *("build", REPOSITORY / "models" / "conveyor-quality" / "recipe.yaml"),
        *("--data", shared / "data" / "casting"),
        *("--weights", shared / "weights" / "mobilenet_v2_imagenet_features.pth"),
        *("--out", str(run), "--json", *options),
    ]
    result = edgefit(*arguments, cwd=run.parent)
    return result, run


@pytest.mark.shared
def test_real_pictures_become_a_bundle(real: tuple[Result, Path]) -> None:
    result, run = real
    assert result.returncode == 0, result.stderr
    summary = document(result)
    bundle = read_bundle(run / "bundle")
    assert len(bundle.manifest.variants) >= 4
    assert bundle.labels.names == ("def_front", "ok_front")
    assert bundle.manifest.lineage["weights"]["source"] == "mobilenet_v2_imagenet_features.pth"
    assert 70 <= bundle.manifest.lineage["images"] <= 90
    # a head on real features, trained for a moment, is far from guessing
    assert summary["trained"]["accuracy"]["value"] > 0.6


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")  # the packages below warn on import
def test_openvino_model_api_gives_the_same_classes(real: tuple[Result, Path], shared: Path) -> None:
    from model_api.adapters import OpenvinoAdapter, create_core
    from model_api.models import ClassificationModel

    _, run = real
    predictor = package.load(run / "bundle", variant="openvino/fp32")
    graph = str(run / "bundle" / "openvino" / "model.fp32.xml")
    exact = {"INFERENCE_PRECISION_HINT": "f32"}  # or the processor may compute in bfloat16
    adapter = OpenvinoAdapter(create_core(), graph, device="CPU", plugin_config=exact)
    model = ClassificationModel.create_model(adapter)
    assert tuple(model.params.labels) == predictor.labels.names
    pictures = sorted((shared / "data" / "casting" / "test").rglob("*.jpeg"))[::120][:6]
    assert len({p.parent.name for p in pictures}) == 2
    for picture in pictures:
        frame = decode_image(picture)
        ours = predictor(frame)
        # it takes pictures as OpenCV reads them
        theirs = model(cv2.cvtColor(preprocess(frame, predictor.input), cv2.COLOR_RGB2BGR))
        assert theirs.top_labels[0].name == ours.label
        np.testing.assert_allclose(theirs.raw_scores, ours.probabilities, rtol=0, atol=1e-4)
