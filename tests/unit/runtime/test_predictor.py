"""``load(bundle)(frame)``: the right variant, the same answer from every way in, clear errors."""

from __future__ import annotations

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.bundle import BundleWriter, describe_file, read_bundle
from edgefit.errors import (
    BundleError,
    FrameError,
    InputError,
    IntegrityError,
    MissingDependencyError,
)
from edgefit.runtime.images.preprocess import preprocess
from edgefit.runtime.predictor import load
from edgefit.runtime.sources import open_source
from edgefit.spec import (
    ClassificationRule,
    Engine,
    Enlarge,
    InputSpec,
    NoveltyRule,
    Precision,
    VariantKey,
)
from tests.tiny_models import LABELS, ORT_FP32, OV_FP32, colour_frame, write_tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("predictor") / "tiny.bundle")


@pytest.mark.parametrize("variant", [str(ORT_FP32), str(OV_FP32)])
def test_names_the_class(bundle: Path, variant: str) -> None:
    predictor = load(bundle, variant=variant, threads=1)
    assert str(predictor.variant) == variant
    assert predictor.labels == LABELS
    assert predictor.input.shape_HWC == (16, 16, 3)
    assert predictor.describe()["batch"] == "1"
    for index, name in enumerate(LABELS.names):
        prediction = predictor(colour_frame(name))
        assert (prediction.label, prediction.index) == (name, index)
        assert prediction.confidence == prediction.probabilities.max()
        assert prediction.probabilities.shape == (3,)
        assert prediction.probabilities.dtype == np.float32
        assert prediction.top(2, LABELS)[0] == (name, prediction.confidence)


@pytest.mark.parametrize("variant", [str(ORT_FP32), str(OV_FP32)])
def test_threads_share_a_predictor(bundle: Path, variant: str) -> None:
    predictor = load(bundle, variant=variant)
    chance = np.random.default_rng(0)
    frames = [chance.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(50)]
    expected = [predictor(frame).probabilities for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(predictor.predict_batch, [frames] * 4))
    for predictions in found:
        for prediction, probabilities in zip(predictions, expected, strict=True):
            np.testing.assert_array_equal(prediction.probabilities, probabilities)


@pytest.mark.parametrize("enlarge", list(Enlarge))
def test_small_frames_are_enlarged_as_the_bundle_says(enlarge: Enlarge, tmp_path: Path) -> None:
    spec = InputSpec(16, 16, enlarge=enlarge)
    bundle = write_tiny_bundle(tmp_path / "tiny.bundle", [ORT_FP32], spec=spec)
    predictor = load(bundle, threads=1)
    assert predictor.input == spec
    frame = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    answers = {
        way: predictor(preprocess(frame, InputSpec(16, 16, enlarge=way))).probabilities
        for way in Enlarge
    }
    np.testing.assert_array_equal(predictor(frame).probabilities, answers.pop(enlarge))
    (other,) = answers.values()
    assert not np.array_equal(predictor(frame).probabilities, other)


@pytest.mark.parametrize("variant", [str(ORT_FP32), str(OV_FP32)])
def test_a_file_an_array_a_batch_and_a_video_give_the_same(
    bundle: Path, variant: str, tmp_path: Path
) -> None:
    predictor = load(bundle, variant=variant)
    frame = colour_frame("green", 48, 64)
    path = tmp_path / "frame.png"
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    path.write_bytes(cv2.imencode(".png", bgr)[1].tobytes())
    writer = cv2.VideoWriter(
        str(tmp_path / "one.avi"), cv2.VideoWriter.fourcc(*"FFV1"), 10, (64, 48)
    )
    writer.write(bgr)
    writer.release()
    (shot,) = open_source(tmp_path / "one.avi")
    assert shot.frame is not None
    expected = predictor(frame).probabilities
    np.testing.assert_array_equal(predictor.predict_file(path).probabilities, expected)
    np.testing.assert_array_equal(predictor(shot.frame).probabilities, expected)
    others = [colour_frame("red"), frame, colour_frame("blue")]
    batch = predictor.predict_batch(others)
    assert [p.label for p in batch] == ["red", "green", "blue"]
    np.testing.assert_array_equal(batch[1].probabilities, expected)
    assert predictor.predict_batch([]) == []


def test_the_engines_agree(bundle: Path) -> None:
    one, other = load(bundle, variant=str(ORT_FP32)), load(bundle, variant=str(OV_FP32))
    for name in LABELS.names:
        frame = colour_frame(name)
        difference = one(frame).probabilities - other(frame).probabilities
        assert np.abs(difference).max() < 1e-5


def test_takes_the_recommended_variant_else_the_first(bundle: Path, tmp_path: Path) -> None:
    assert load(bundle).variant == ORT_FP32
    recommending = write_tiny_bundle(tmp_path / "other.bundle", recommended=OV_FP32)
    assert load(recommending).variant == OV_FP32


def test_without_the_recommended_engine_another_runs_and_a_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = write_tiny_bundle(tmp_path / "tiny.bundle", recommended=OV_FP32)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.warns(UserWarning, match="openvino/fp32 is recommended .* running onnxruntime"):
        predictor = load(bundle)
    assert predictor.variant == ORT_FP32


def test_a_variant_asked_for_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = write_tiny_bundle(tmp_path / "tiny.bundle", recommended=OV_FP32)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingDependencyError) as caught:
        load(bundle, variant="openvino/fp32")
    assert "--variant onnxruntime/fp32" in str(caught.value)
    assert "edgefit[openvino]" in str(caught.value)
    assert load(bundle, variant="onnxruntime/fp32").variant == ORT_FP32


def test_an_unknown_or_absent_variant_is_named(bundle: Path) -> None:
    with pytest.raises(InputError, match="No such variant"):
        load(bundle, variant="tensorrt/fp32")
    with pytest.raises(BundleError, match="does not hold"):
        load(bundle, variant=str(VariantKey(Engine.OPENVINO, Precision.INT8)))


def test_a_changed_byte_is_named(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "tiny.bundle", [ORT_FP32])
    graph = bundle / "onnxruntime" / "model.fp32.onnx"
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(bytes(data))
    with pytest.raises(IntegrityError) as caught:
        load(bundle)
    assert caught.value.path == str(graph)


def test_a_bad_frame_or_file_is_an_error(bundle: Path, tmp_path: Path) -> None:
    predictor = load(bundle)
    with pytest.raises(FrameError):
        predictor(np.zeros((8, 8, 3), np.float32))
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    with pytest.raises(FrameError) as caught:
        predictor.predict_file(text)
    assert caught.value.path == str(text)


def test_without_an_operating_point_the_decision_is_the_label(bundle: Path) -> None:
    prediction = load(bundle)(colour_frame("green"))
    assert prediction.decision == prediction.label == "green"
    assert (prediction.unsure, prediction.novelty, prediction.is_novel) == (False, None, None)


def with_novelty(root: Path, prototypes: np.ndarray) -> Path:
    """The tiny bundle with a novelty rule; its graphs give no features."""
    folder = write_tiny_bundle(root / "plain", [ORT_FP32])
    plain = read_bundle(folder)
    with BundleWriter(root / "novel") as writer:
        shutil.copytree(folder, writer.folder, dirs_exist_ok=True)
        (writer.folder / "manifest.json").unlink()
        np.save(writer.folder / "p.npy", prototypes)
        files = [*plain.manifest.files, describe_file(writer.folder, "p.npy")]
        point = ClassificationRule(novelty=NoveltyRule(0.5, "p.npy"))
        changes = {"operating": point, "files": files}
        return writer.finish(plain.manifest.model_copy(update=changes))


def test_a_graph_that_lacks_the_features_is_named(tmp_path: Path) -> None:
    predictor = load(with_novelty(tmp_path, np.ones((3, 4), np.float32)))
    with pytest.raises(BundleError, match="does not output the features"):
        predictor(colour_frame("red"))


@pytest.mark.parametrize(
    "prototypes", [np.ones((2, 4), np.float32), np.ones((3, 4)), np.array(["a", "b"])]
)
def test_prototypes_that_do_not_fit_are_named(tmp_path: Path, prototypes: np.ndarray) -> None:
    with pytest.raises(BundleError, match="prototypes do not fit") as caught:
        load(with_novelty(tmp_path, prototypes))
    assert str(caught.value.path).endswith("p.npy")


def test_pickled_prototypes_are_never_loaded(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        load(with_novelty(tmp_path, np.array([{"a": 1}], dtype=object)))
