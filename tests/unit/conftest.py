"""One tiny trained network, exported once, for the rooms that make and judge files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.spec import VariantKey

if TYPE_CHECKING:
    from edgefit.train.network import EdgeNetwork


@dataclass(frozen=True)
class Exported:
    """The network, what it answers, and its files in fp32 and fp16; read only."""

    network: EdgeNetwork
    program: Any
    frames_NHWC: NDArray[np.uint8]
    targets_N: NDArray[np.int64]
    reference_NC: NDArray[np.float32]
    paths: dict[str, Path]

    def infer(self, name: str) -> NDArray[np.float32]:
        """What a file answers to all frames, through its engine."""
        from edgefit.runtime.engines import open_session

        session = open_session(self.paths[name], VariantKey.parse(name))
        return session.infer(self.frames_NHWC)["probabilities"]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Everything written by ``edgefit.export`` from the network of ``tests.tiny_network``."""
    import torch

    from edgefit.export.onnx_file import halve_weights, write_onnx
    from edgefit.export.openvino_ir import save_ir, to_openvino
    from edgefit.export.program import capture
    from tests.tiny_network import METADATA, SPEC, answers, colour_frames, tiny_network

    folder = tmp_path_factory.mktemp("exported")
    network = tiny_network().to(memory_format=torch.channels_last)
    program = capture(network, SPEC)
    paths = {
        "onnxruntime/fp32": folder / "fp32.onnx",
        "onnxruntime/fp16": folder / "fp16.onnx",
        "openvino/fp32": folder / "fp32.xml",
        "openvino/fp16": folder / "fp16.xml",
    }
    write_onnx(program, paths["onnxruntime/fp32"], METADATA, opset=18)
    halve_weights(paths["onnxruntime/fp32"], paths["onnxruntime/fp16"], METADATA)
    model = to_openvino(program, METADATA)
    save_ir(model, paths["openvino/fp16"], METADATA, half=True)
    save_ir(model, paths["openvino/fp32"], METADATA)
    frames_NHWC, targets_N = colour_frames(41, seed=9)
    reference_NC = answers(network, frames_NHWC)
    return Exported(network, program, frames_NHWC, targets_N, reference_NC, paths)
