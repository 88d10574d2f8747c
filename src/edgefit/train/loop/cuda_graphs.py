"""A backbone's training step as two launches on an NVIDIA GPU, one forward and one backward.

A compact backbone runs some hundred small kernels. Launching them one by one from Python takes
longer than running them, and the GPU waits. torch records them once for each image size, as CUDA
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
"""Beginning of torch's warning in the first step after a recording, which uses its own stream.
Nothing is wrong: autograd lets one stream wait for the other."""


class GraphedBackbone:
    """Calls a backbone through a recorded graph; batches of other sizes call it directly.

    Args:
        backbone: Takes ``float32`` (N, 3, H, W); its parameters must stay where they are.
        batch_size: N of a full batch.
        reporter: Shows a warning if a backbone cannot be recorded; it is then called directly.
    """

    def __init__(self, backbone: nn.Module, batch_size: int, reporter: Reporter = QUIET) -> None:
        self.backbone = backbone
        self.batch_size = batch_size
        self.reporter = reporter
        self._shape: tuple[int, ...] = ()
        self._graphed: nn.Module | None = None

    def record(self, height: int, width: int) -> None:
        """Record steps of full batches of this size, if not yet done; forget other sizes.

        The recording keeps the backbone's present mode and precision. It changes neither weights
        nor the statistics of batch norms. Meanwhile no other thread may use the GPU.

        Args:
            height: Height of the images in pixels.
            width: Width of the images in pixels.
        """
        shape = (self.batch_size, 3, height, width)
        if shape == self._shape:
            return
        self.forget()
        self._shape = shape  # also if recording fails: it would fail in each epoch
        before = [buffer.clone() for buffer in self.backbone.buffers()]
        try:
            with _without_collection():
                self._graphed = _record(self.backbone, shape)
        except RuntimeError as error:
            self.reporter.warn(
                "the training step cannot be recorded as a CUDA graph; its kernels are launched "
                f"one by one, which is slower: {first_line(error)}"
            )
        with torch.no_grad():
            for buffer, value in zip(self.backbone.buffers(), before, strict=True):
                buffer.copy_(value)

    def forget(self) -> None:
        """Free the graph's memory."""
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
    """Wraps the backbone, because torch replaces the ``forward`` of the module it records."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images_NCHW: Tensor) -> Tensor:
        features_NF: Tensor = self.backbone(images_NCHW)
        return features_NF


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python from freeing another graph, which would spoil the one being recorded."""
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
    # the recording must not use weights that were cast before it
    precision = torch.autocast(
        device.type,
        dtype=torch.get_autocast_dtype(device.type),
        enabled=torch.is_autocast_enabled(device.type),
        cache_enabled=False,
    )
    with precision:
        torch.cuda.make_graphed_callables(body, (example_NCHW,))
    return body
