"""One contract, run against every engine and a fake: what a session promises to its callers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.errors import BundleError, InputError
from edgefit.runtime.engines import EngineSession, check_images, check_outputs, open_session
from edgefit.spec import Outputs
from tests.tiny_models import (
    LABELS,
    ORT_FP32,
    OV_FP32,
    colour_frame,
    write_onnx,
    write_openvino,
)

SIZE = 16
Opener = Callable[..., EngineSession]


class FakeSession:
    """Answers with the softmax of the mean colour: the least that fulfils the contract."""

    def __init__(self, batch: int | None = None) -> None:
        self._batch = batch

    def infer(self, images_NHWC: NDArray[np.uint8], names: Sequence[str] | None = None) -> Outputs:
        wanted = ["probabilities"] if names is None else names
        check_outputs(Path("fake"), wanted, ["probabilities"])
        images_NHWC = check_images(images_NHWC, SIZE, SIZE, self._batch)
        logits_NC = images_NHWC.mean(axis=(1, 2)).astype(np.float32) / 16
        exponents_NC = np.exp(logits_NC - logits_NC.max(axis=1, keepdims=True))
        shares_NC = exponents_NC / exponents_NC.sum(axis=1, keepdims=True)
        return dict.fromkeys(wanted, np.asarray(shares_NC, np.float32))

    def describe(self) -> dict[str, str]:
        keys = ("engine", "version", "device", "threads", "inference_precision")
        return dict.fromkeys(keys, "fake") | {"batch": str(self._batch or "any")}


def answers(session: EngineSession, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The only output there is, ``float32`` (N, 3)."""
    return session.infer(images_NHWC)["probabilities"]


@pytest.fixture(params=["onnxruntime", "openvino", "fake"])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    if request.param == "fake":
        return lambda *, batch=None, threads=None, parallel=1: FakeSession(batch)
    onnx_path = write_onnx(tmp_path / "model.onnx", size=SIZE)
    if request.param == "onnxruntime":
        return lambda **options: open_session(onnx_path, ORT_FP32, **options)
    pytest.importorskip("openvino")
    ir_path = write_openvino(tmp_path / "model.xml", onnx_path)
    return lambda **options: open_session(ir_path, OV_FP32, **options)


@pytest.fixture
def images_NHWC() -> NDArray[np.uint8]:
    return np.stack([colour_frame(name, SIZE, SIZE) for name in LABELS.names])


class TestEngineContract:
    def test_gives_one_row_of_probabilities_an_image(
        self, opener: Opener, images_NHWC: NDArray[np.uint8]
    ) -> None:
        for count in (1, 3):
            probabilities_NC = answers(opener(), images_NHWC[:count])
            assert probabilities_NC.shape == (count, 3)
            assert probabilities_NC.dtype == np.float32
            assert probabilities_NC.min() >= 0
            np.testing.assert_allclose(probabilities_NC.sum(axis=1), 1, atol=1e-5)

    def test_gives_the_outputs_asked_for_or_all(
        self, opener: Opener, images_NHWC: NDArray[np.uint8]
    ) -> None:
        session = opener()
        every = session.infer(images_NHWC)
        assert list(every) == ["probabilities"]
        asked = session.infer(images_NHWC, ["probabilities"])
        np.testing.assert_array_equal(asked["probabilities"], every["probabilities"])

    @pytest.mark.parametrize(
        ("name", "said"),
        [("boxes", "lacks an output"), ("feature_vector", "does not output the features")],
    )
    def test_an_output_that_the_graph_lacks_is_named(
        self, opener: Opener, images_NHWC: NDArray[np.uint8], name: str, said: str
    ) -> None:
        with pytest.raises(BundleError, match=said) as caught:
            opener().infer(images_NHWC, [name])
        assert caught.value.expected == f"an output named {name}"
        assert caught.value.found == "probabilities"

    @pytest.mark.parametrize("names", [[], (), "", "probabilities"])
    def test_refuses_names_that_are_not_a_list_of_names(
        self, opener: Opener, images_NHWC: NDArray[np.uint8], names: Any
    ) -> None:
        with pytest.raises(InputError, match="not a list of names") as caught:
            opener().infer(images_NHWC, names)
        assert not isinstance(caught.value, BundleError)
        assert (caught.value.key, caught.value.found) == ("names", repr(names))
        assert "probabilities" in str(caught.value.expected)

    def test_keeps_the_order_of_the_batch(
        self, opener: Opener, images_NHWC: NDArray[np.uint8]
    ) -> None:
        session = opener()
        assert answers(session, images_NHWC).argmax(axis=1).tolist() == [0, 1, 2]
        assert answers(session, images_NHWC[[2, 0, 1]]).argmax(axis=1).tolist() == [2, 0, 1]

    def test_answers_alike_alone_and_in_a_batch(
        self, opener: Opener, images_NHWC: NDArray[np.uint8]
    ) -> None:
        session = opener(batch=1)
        alone_NC = np.concatenate([answers(session, image[None]) for image in images_NHWC])
        np.testing.assert_allclose(answers(opener(), images_NHWC), alone_NC, atol=1e-5)

    def test_an_answer_survives_the_next_call(
        self, opener: Opener, images_NHWC: NDArray[np.uint8]
    ) -> None:
        session = opener(batch=1)
        first_NC = answers(session, images_NHWC[:1])
        before_NC = first_NC.copy()
        answers(session, images_NHWC[1:2])
        np.testing.assert_array_equal(first_NC, before_NC)
        first_NC[:] = 0
        np.testing.assert_array_equal(answers(session, images_NHWC[:1]), before_NC)

    @pytest.mark.parametrize("parallel", [1, 3])
    def test_threads_share_a_session(
        self, opener: Opener, images_NHWC: NDArray[np.uint8], parallel: int
    ) -> None:
        session = opener(batch=1, threads=1, parallel=parallel)
        expected = [answers(session, images_NHWC[i : i + 1]) for i in range(3)]
        together = threading.Barrier(4)

        def run(thread: int) -> list[NDArray[np.float32]]:
            together.wait()
            places = [(thread + turn) % 3 for turn in range(50)]
            return [answers(session, images_NHWC[i : i + 1]) for i in places]

        with ThreadPoolExecutor(4) as pool:
            for thread, found in enumerate(pool.map(run, range(4))):
                for turn, probabilities_NC in enumerate(found):
                    np.testing.assert_array_equal(
                        probabilities_NC, expected[(thread + turn) % 3], strict=True
                    )

    def test_does_not_depend_on_memory_order_and_leaves_its_input_alone(
        self, opener: Opener, images_NHWC: NDArray[np.uint8]
    ) -> None:
        session = opener()
        before_NHWC = images_NHWC.copy()
        fortran_NHWC = np.asfortranarray(images_NHWC)
        strided_NHWC = np.repeat(images_NHWC, 2, axis=2)[:, :, ::2]
        expected_NC = answers(session, images_NHWC)
        np.testing.assert_array_equal(images_NHWC, before_NHWC)
        np.testing.assert_array_equal(answers(session, fortran_NHWC), expected_NC)
        np.testing.assert_array_equal(answers(session, strided_NHWC), expected_NC)

    @pytest.mark.parametrize(
        ("images", "found"),
        [
            (np.zeros((1, SIZE, SIZE, 3), np.float32), "float32 (1, 16, 16, 3)"),
            (np.zeros((SIZE, SIZE, 3), np.uint8), "uint8 (16, 16, 3)"),
            (np.zeros((1, 3, SIZE, SIZE), np.uint8), "uint8 (1, 3, 16, 16)"),
            (np.zeros((1, SIZE, SIZE + 1, 3), np.uint8), "uint8 (1, 16, 17, 3)"),
            (np.zeros((0, SIZE, SIZE, 3), np.uint8), "uint8 (0, 16, 16, 3)"),
            ([[1, 2, 3]], "list"),
        ],
    )
    def test_refuses_another_dtype_or_shape(self, opener: Opener, images: Any, found: str) -> None:
        with pytest.raises(InputError) as caught:
            opener().infer(images)
        assert caught.value.found == found
        assert caught.value.expected == "uint8 (N, 16, 16, 3)"

    def test_refuses_another_batch_than_it_was_opened_for(
        self, opener: Opener, images_NHWC: NDArray[np.uint8]
    ) -> None:
        with pytest.raises(InputError) as caught:
            opener(batch=1).infer(images_NHWC)
        assert caught.value.expected == "uint8 (1, 16, 16, 3)"

    def test_says_what_runs(self, opener: Opener) -> None:
        facts = opener(batch=2, threads=1).describe()
        assert set(facts) == {
            "engine",
            "version",
            "device",
            "threads",
            "inference_precision",
            "batch",
        }
        assert facts["batch"] == "2"
        assert all(isinstance(value, str) and value for value in facts.values())
