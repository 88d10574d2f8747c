"""One picture, one answer: by whatever engine it is asked and in whatever wrapping it comes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import edgefit as package
from edgefit.run import RunFolder
from edgefit.runtime.images.decode import decode_image
from edgefit.runtime.images.preprocess import preprocess
from edgefit.runtime.sources import open_source
from edgefit.spec import Frame
from tests.e2e.program import Built, edgefit, lines

TOLERANCE = 1e-3
FP32 = ("onnxruntime/fp32", "openvino/fp32")


def ask_torch(run: Path, frame: Frame) -> NDArray[np.float32]:
    """Probabilities (C,) of the trained network itself."""
    import torch

    from edgefit.train.assembly import load_trained

    temperature = json.loads((run / "calibrate" / "operating.json").read_text())["temperature"]
    network = load_trained(RunFolder(run), temperature)
    images_NHWC = preprocess(frame, network_input(run))[None]
    with torch.inference_mode():
        outputs = network(torch.from_numpy(images_NHWC))
    answer: NDArray[np.float32] = outputs["probabilities"][0].numpy()
    return answer


def network_input(run: Path) -> package.InputSpec:
    from edgefit.train.backbones.card import input_spec

    return input_spec(RunFolder(run).recipe())


def film(frame: Frame, clip: Path) -> None:
    """One frame, lossless and without a change of colour space."""
    height, width = frame.shape[:2]
    fourcc = cv2.VideoWriter.fourcc(*"FFV1")
    writer = cv2.VideoWriter(str(clip), fourcc, 25, (width, height))
    assert writer.isOpened()
    writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    (filmed,) = list(open_source(clip))
    assert filmed.frame is not None
    np.testing.assert_array_equal(filmed.frame, frame)


def same(one: package.Prediction, label: str, probabilities: NDArray[np.float32]) -> None:
    assert one.label == label
    np.testing.assert_allclose(one.probabilities, probabilities, rtol=0, atol=TOLERANCE)


def compare_everywhere(built: Built, picture: Path, tmp_path: Path) -> None:
    frame = decode_image(picture)
    reference = ask_torch(built.run, frame)
    labels = RunFolder(built.run).labels().names
    label = labels[int(reference.argmax())]
    clip = tmp_path / "one.avi"
    film(frame, clip)
    for variant in FP32:
        predictor = package.load(built.bundle, variant=variant)
        same(predictor(frame), label, reference)
        same(predictor.predict_file(picture), label, reference)
        options = ("--variant", variant, "--top-k", "3", "--quiet")
        for source in (picture, clip):
            result = edgefit("predict", built.bundle, source, *options, cwd=tmp_path)
            (facts,) = lines(result.stdout)
            assert facts["label"] == label
            assert facts["confidence"] == pytest.approx(float(reference.max()), abs=TOLERANCE)
            listed = dict(facts["top"])
            assert [listed[n] for n in labels] == pytest.approx(reference.tolist(), abs=TOLERANCE)


def test_same_answer_everywhere(built: Built, tmp_path: Path) -> None:
    picture = sorted((built.pictures / "hole").iterdir())[0]
    compare_everywhere(built, picture, tmp_path)


def test_a_wrong_input_contract_would_show(built: Built) -> None:
    """The network reacts to what the comparison is there to find."""
    frame = decode_image(sorted((built.pictures / "hole").iterdir())[0])
    reference = ask_torch(built.run, frame)
    for wrong in (frame[..., ::-1], frame // 2, np.roll(frame, 16, axis=0)):
        difference = np.abs(ask_torch(built.run, np.ascontiguousarray(wrong)) - reference).max()
        assert difference > 2 * TOLERANCE


@pytest.mark.shared
def test_same_answer_everywhere_for_a_real_picture(
    built: Built, shared: Path, tmp_path: Path
) -> None:
    picture = sorted((shared / "data" / "casting" / "test" / "def_front").iterdir())[0]
    assert picture.suffix == ".jpeg"
    compare_everywhere(built, picture, tmp_path)
