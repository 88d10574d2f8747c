"""The engines that compute a frozen backbone's features, and the choice between them.

Both compute in float32 and get batches of one fixed shape. The caller fills up a short batch: with
another shape the libraries may add in another order, and a row would depend on how many images
happened to be left.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefit.errors import MissingDependencyError, StageError, missing_extra
from edgefit.records.train import EngineComparison
from edgefit.runtime.engines.openvino import shared_core
from edgefit.telemetry import block_telemetry
from edgefit.train.network import EdgeNetwork

BATCH = 64
"""Images in every batch that an engine gets."""

EQUAL_WITHIN = 1e-3
"""Largest difference, as a share of the features' root mean square, that counts as equal."""

_REFUSALS = (RuntimeError, torch._dynamo.exc.TorchDynamoException)

Frames = NDArray[np.uint8]
Features = NDArray[np.float32]


class FeatureEngine(Protocol):
    """Computes features.

    Attributes:
        name: ``torch`` or ``openvino``.
    """

    name: str

    def features(self, frames_NHWC: Frames) -> Features:
        """Features ``float32`` (BATCH, F) of frames ``uint8`` (BATCH, H, W, 3); a new array."""
        ...


class TorchEngine:
    """torch, on the network's device; works on a copy of the network.

    Args:
        network: Computes the features; it does not change.
    """

    name = "torch"

    def __init__(self, network: EdgeNetwork) -> None:
        self._network = copy.deepcopy(network).eval().to(memory_format=torch.channels_last)
        self._device = network.mean_255.device

    def features(self, frames_NHWC: Frames) -> Features:
        """See :class:`FeatureEngine`."""
        with torch.inference_mode():
            frames = torch.from_numpy(frames_NHWC).to(self._device)
            found: Features = self._network.features(frames).float().cpu().numpy()
        return found


class OpenvinoEngine:
    """OpenVINO on the CPU with float32 arithmetic; the network is converted in memory only.

    Args:
        network: Computes the features; it does not change.
        size: Height and width of the frames.

    Raises:
        MissingDependencyError: OpenVINO is not installed.
        StageError: The network cannot be converted.
    """

    name = "openvino"

    def __init__(self, network: EdgeNetwork, size: tuple[int, int]) -> None:
        block_telemetry()
        try:
            import openvino as ov
        except ModuleNotFoundError as error:
            raise missing_extra("openvino", "openvino") from error
        try:
            model = ov.convert_model(_captured(network, size))
            # otherwise OpenVINO silently uses bf16 units; see edgefit.runtime.engines
            config = {
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": "1",
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": str(torch.get_num_threads()),
            }
            self._request = shared_core().compile_model(model, "CPU", config).create_infer_request()
        except _REFUSALS as error:
            raise StageError(
                "OpenVINO cannot compute this network's features.",
                found=str(error).strip().splitlines()[0][:300],
            ) from error
        self._tensor = ov.Tensor

    def features(self, frames_NHWC: Frames) -> Features:
        """See :class:`FeatureEngine`."""
        frames = np.ascontiguousarray(frames_NHWC)
        self._request.set_input_tensor(self._tensor(frames, shared_memory=True))
        self._request.infer()
        # the next request writes into the same memory
        found: Features = self._request.get_output_tensor(0).data.copy()
        return found


def choose_engine(
    network: EdgeNetwork,
    batches: Sequence[Frames],
    images: int,
    *,
    rival: Callable[[EdgeNetwork, tuple[int, int]], FeatureEngine] = OpenvinoEngine,
) -> tuple[FeatureEngine, EngineComparison]:
    """Choose the engine that should finish first, among those that give torch's numbers.

    Args:
        network: Computes the features.
        batches: Two or more real batches, ``uint8`` (BATCH, H, W, 3) each; the first warms up.
        images: How many images there are to compute.
        rival: Makes the engine that torch is compared with.

    Returns:
        The engine and the measurement: time per image, time of conversion, largest difference.
    """
    reference = TorchEngine(network)
    reference_NF, torch_s = _timed(reference, batches)
    torch_ms = round(1000 * torch_s, 3)
    started = time.perf_counter()
    try:
        engine = rival(network, (batches[0].shape[1], batches[0].shape[2]))
    except (MissingDependencyError, StageError) as error:
        refused = str(error.found or error.message)
        return reference, EngineComparison(torch_ms_per_image=torch_ms, openvino_refused=refused)
    conversion_s = time.perf_counter() - started
    found_NF, openvino_s = _timed(engine, batches)
    difference = relative_difference(found_NF, reference_NF)
    measured = EngineComparison(
        torch_ms_per_image=torch_ms,
        openvino_ms_per_image=round(1000 * openvino_s, 3),
        openvino_conversion_s=round(conversion_s, 2),
        relative_difference=float(f"{difference:.2g}") if np.isfinite(difference) else None,
    )
    # the conversion counts although it is done: a run that resumes pays for it again
    faster = conversion_s + images * openvino_s < images * torch_s
    return (engine if faster and difference <= EQUAL_WITHIN else reference), measured


def relative_difference(found_NF: Features, reference_NF: Features) -> float:
    """Largest difference as a share of the reference's root mean square; infinite if NaN."""
    scale = float(np.sqrt(np.mean(np.square(reference_NF, dtype=np.float64))))
    difference = float(np.abs(found_NF - reference_NF).max())
    return difference / max(scale, 1e-12) if np.isfinite(difference) else float("inf")


def _timed(engine: FeatureEngine, batches: Sequence[Frames]) -> tuple[Features, float]:
    """Features of all batches, and the seconds per image in all but the first batch."""
    first = engine.features(batches[0])
    started = time.perf_counter()
    rest = [engine.features(frames_NHWC) for frames_NHWC in batches[1:]]
    seconds = time.perf_counter() - started
    return np.concatenate([first, *rest]), seconds / max(1, sum(map(len, rest)))


class _FeaturesOnly(nn.Module):
    """The network without its head."""

    def __init__(self, network: EdgeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames_NHWC: Tensor) -> Tensor:
        """Features (N, F)."""
        return self.network.features(frames_NHWC)


def _captured(network: EdgeNetwork, size: tuple[int, int]) -> Any:
    # in plain memory order; edgefit.export.program says why
    plain = copy.deepcopy(network).eval().cpu().to(memory_format=torch.contiguous_format)
    frames_NHWC = torch.zeros((BATCH, *size, 3), dtype=torch.uint8)
    with torch.no_grad():
        return torch.export.export(_FeaturesOnly(plain), (frames_NHWC,))
