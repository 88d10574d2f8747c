"""A backbone's training step as two launches on an NVIDIA GPU, one forward and one backward.

A compact backbone is some hundred small kernels. Launched one by one from Python they take longer
to launch than to run, and the GPU waits. torch records them once for each size of images, as CUDA
graphs (https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs/).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgefit.progress import QUIET, Reporter
from edgefit.train.backbones.weights import first_line

OTHER_STREAM = "The AccumulateGrad node's stream does not match"
"""How torch's warning begins in the first step after a recording, which had a stream of its own.
Autograd lets the one wait for the other; nothing is wrong."""


class GraphedBackbone:
    """Calls a backbone by a recorded graph; batches of another size than recorded go past it.

    Args:
        backbone: Takes ``float32`` (N, 3, H, W); its parameters must stay where they are.
        batch_size: N of a full batch.
        reporter: Is warned where a backbone cannot be recorded; it is called as it is then.
    """

    def __init__(self, backbone: nn.Module, batch_size: int, reporter: Reporter = QUIET) -> None:
        self.backbone = backbone
        self.batch_size = batch_size
        self.reporter = reporter
        self._shape: tuple[int, ...] = ()
        self._graphed: nn.Module | None = None

    def record(self, height: int, width: int) -> None:
        """Record steps of full batches of this size, unless that was done; forget other sizes.

        The backbone's mode and the precision are those of the moment. What it has learned, the
        statistics of batch norms included, is left as it was. No other thread may use the GPU
        meanwhile.

        Args:
            height: Of the images, in pixels.
            width: Likewise.
        """
        shape = (self.batch_size, 3, height, width)
        if shape == self._shape:
            return
        self.forget()
        self._shape = shape  # also where recording fails: it would fail at each epoch
        before = [buffer.clone() for buffer in self.backbone.buffers()]
        try:
            with _without_collection():
                self._graphed = _record(self.backbone, shape)
        except RuntimeError as error:
            self.reporter.warn(
                "the training step cannot be recorded as a CUDA graph and is launched in parts, "
                f"more slowly: {first_line(error)}"
            )
        with torch.no_grad():
            for buffer, value in zip(self.backbone.buffers(), before, strict=True):
                buffer.copy_(value)

    def forget(self) -> None:
        """Give the graph's memory back."""
        graphed, self._shape, self._graphed = self._graphed, (), None
        if graphed is not None:
            del graphed
            gc.collect()  # torch before 2.15 keeps it in a reference cycle

    def __call__(self, images_NCHW: Tensor) -> Tensor:
        recorded = tuple(images_NCHW.shape) == self._shape
        run = self._graphed if self._graphed is not None and recorded else self.backbone
        features_NF: Tensor = run(images_NCHW)
        return features_NF


class _Body(nn.Module):
    """Stands for the backbone, because torch replaces the ``forward`` of what it records."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images_NCHW: Tensor) -> Tensor:
        features_NF: Tensor = self.backbone(images_NCHW)
        return features_NF


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python from freeing a graph meanwhile: that would spoil the one being recorded."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _record(backbone: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    device = next(backbone.parameters()).device
    example_NCHW = torch.zeros(shape, device=device).contiguous(memory_format=torch.channels_last)
    body = _Body(backbone)
    # weights that are cast must not be kept from before the recording
    precision = torch.autocast(
        device.type,
        dtype=torch.get_autocast_dtype(device.type),
        enabled=torch.is_autocast_enabled(device.type),
        cache_enabled=False,
    )
    with precision:
        torch.cuda.make_graphed_callables(body, (example_NCHW,))
    return body
