"""What each choice of the training loop is worth, as a ratio of images per second.

``python -m benchmarks.training_speed [RUN] --out FILE.json``. Pairs that differ in one thing are
measured alternately: memory format, precision, compiling, batch-norm statistics, the optimiser's
kernel, frames in memory against decoding them again, batches made ahead by threads against made in
turn, and batches alone, with no training, by threads and by processes. What ``auto`` means in a
recipe follows from it. On an NVIDIA GPU steps recorded as CUDA graphs come in, and how busy the
GPU is while processes feed it; the notes say what bounds it.

The network is a real backbone with the shipped head and AdamW; its weights are random, which is
nothing to its speed. With a RUN the frames, sizes, backbone and augmentation are the run's; else
JPEG files are drawn.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.gpu_use import watched_gpu
from benchmarks.measuring import against, figure, time_in_turn, write_result
from edgefit.data.augment import build_augmentation
from edgefit.data.frame_store import FrameStore
from edgefit.data.frozen import frozen_samples
from edgefit.data.loader import TrainingBatches
from edgefit.data.sampler import EpochSampler
from edgefit.data.table import Sample
from edgefit.data.training_set import PerThread, TrainingSet
from edgefit.run import RunFolder
from edgefit.spec import InputSpec
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import input_spec, load_card
from edgefit.train.loop.cuda_graphs import OTHER_STREAM, GraphedBackbone
from edgefit.train.loop.loaders import worker_count
from edgefit.train.network import EdgeNetwork
from edgefit.train.tasks.classification import linear_head

CLASSES = 10
RECORDED = "step: recorded as a CUDA graph"
STEPS_AT_ONCE = 10
"""Steps of a timed call on a GPU, which launches run ahead of; on a processor it is one."""
WATCHED_SECONDS = 10.0
MARGIN = 1.05
"""How much faster a way must be at least to be called faster; less is what machines vary by."""


@dataclass(frozen=True)
class Images:
    """Files to train on.

    Attributes:
        samples: The files.
        root: Folder that their paths are relative to.
        spec: The input contract.
        backbone: Id of a card.
        augment: Augmentation by name.
    """

    samples: tuple[Sample, ...]
    root: Path
    spec: InputSpec
    backbone: str
    augment: str


class Stepper:
    """A network and its optimiser; each call is one training step on the same batch.

    Args:
        network: Copied, so that one stepper does not train another's.
        batch: Frames ``uint8`` (N, H, W, 3) and targets (N,).
        channels_last: Memory format of weights and images.
        bf16: Autocast to bfloat16, as lightning's ``bf16-mixed`` does.
        frozen_statistics: Batch norms keep their running statistics.
        fused: AdamW's fused kernel.
        compiled: ``torch.compile`` the backbone.
        recorded: The backbone's passes are CUDA graphs, as in training on a GPU.
    """

    def __init__(
        self,
        network: EdgeNetwork,
        batch: tuple[Tensor, Tensor],
        *,
        channels_last: bool = True,
        bf16: bool = False,
        frozen_statistics: bool = True,
        fused: bool = True,
        compiled: bool = False,
        recorded: bool = False,
    ) -> None:
        self.network = copy.deepcopy(network).train()
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.network.to(memory_format=layout)
        self.layout = layout
        if frozen_statistics:
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1e-4, fused=fused)
        self.backbone: Callable[[Tensor], Tensor] = self.network.backbone
        if compiled:
            self.backbone = torch.compile(self.network.backbone)
        self.device = batch[1].device
        self.bf16 = bf16
        self.batch = batch
        if recorded:
            graphed = GraphedBackbone(self.network.backbone, len(batch[1]))
            with self._precision():
                graphed.record(*batch[0].shape[1:3])
            self.backbone = graphed

    def __call__(self, batch: tuple[Tensor, Tensor] | None = None) -> None:
        frames_NHWC, targets_N = batch or self.batch
        with self._precision():
            images_NCHW = self.network.normalise(frames_NHWC.to(self.device, non_blocking=True))
            images_NCHW = images_NCHW.contiguous(memory_format=self.layout)
            logits_NC = self.network.head(self.backbone(images_NCHW))
            loss = nn.functional.cross_entropy(
                logits_NC, targets_N.to(self.device, non_blocking=True)
            )
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()

    def train_on(self, batches: Iterable[tuple[Tensor, Tensor] | None]) -> None:
        """A step on each (None: on its own batch); ends when the device has done them."""
        for batch in batches:
            self(batch)
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, nargs="?", help="a checked run; else files are drawn")
    parser.add_argument("--side", type=int, default=96, help="input size where files are drawn")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=5, help="timed steps in a turn")
    parser.add_argument("--batches", type=int, default=8, help="batches in a pass over files")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    if on_gpu(options) and shutil.which("nvidia-smi") is None:
        parser.error("nvidia-smi is not here; it tells how busy the GPU is")
    warnings.filterwarnings("ignore", message=OTHER_STREAM)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = scratch  # nothing is compiled yet
        images = _images(options, Path(scratch))
        network = _network(images).to(options.device)
        figures = [
            *_steps(network, images, options),
            *_feeding(network, images, options),
            *_loading(images, options),
        ]
        if on_gpu(options):
            figures.append(_gpu_busy(network, images, options))
    command = "python -m benchmarks.training_speed" + (" RUN" if options.run else "")
    command += f" --batch-size {options.batch_size} --rounds {options.rounds}"
    command += f" --batches {options.batches}" + (" --no-compile" if options.no_compile else "")
    origin = "a run's images" if options.run else "drawn JPEG files of 300x300"
    notes = [
        f"{images.backbone}, {images.spec.width}x{images.spec.height}, batches of "
        f"{options.batch_size}, torch {torch.__version__}, {torch.get_num_threads()} threads, on "
        f"{_device_in_words(options.device)}; frames from {origin}, augmentation {images.augment}.",
        *verdicts(figures),
    ]
    if on_gpu(options):
        speeds = {one["name"]: one["median"] for one in figures}
        workers = worker_count("auto", 1, on_gpu=True)
        made = speeds[f"batches alone: {max(2, workers)} processes ahead"]
        fed = speeds[f"epoch: frames in memory, {workers} processes ahead"]
        notes.append(bound(made, speeds[RECORDED], fed))
    write_result(options.out, "training-speed", command, figures, notes)


def verdicts(figures: list[dict[str, Any]]) -> list[str]:
    """For each figure that is held against another: faster, slower or no difference, in words.

    A difference counts if it is larger than ``MARGIN`` and than the spread of either.
    """
    by_name = {one["name"]: one for one in figures}
    lines = []
    for one in figures:
        if one["unit"] != "images/s" or "ratio" not in one:
            continue
        ratio = one["ratio"]
        margin = max(MARGIN, 1 + one["spread"], 1 + by_name[one["peer"]]["spread"])
        word = "faster" if ratio >= margin else "slower" if ratio <= 1 / margin else "no difference"
        lines.append(f"{one['name']}: {word} ({ratio:.2f} times {one['peer']}).")
    return lines


def on_gpu(options: argparse.Namespace) -> bool:
    """Whether training is measured on an NVIDIA GPU."""
    return torch.device(options.device).type == "cuda"


def bound(made: float, steps: float, both: float) -> str:
    """What holds a GPU's training back, in words.

    Args:
        made: Batches alone, by processes, in images/s.
        steps: Steps alone, on a batch that is on the GPU.
        both: Steps fed by processes.
    """
    least, name = min((made, "the making of batches"), (steps, "the steps, launches included"))
    reason = f"the bound is {name}"
    if both * MARGIN < least:
        reason = "neither is the bound, they slow each other"
    return (
        f"An epoch fed by processes runs at {both:.0f} images/s. Batches alone are made at "
        f"{made:.0f}, steps alone run at {steps:.0f} images/s: {reason}."
    )


def _steps(
    network: EdgeNetwork, images: Images, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """The training step alone, on one batch in memory; each way against the usual one."""
    batch = _batch(images, options)
    device = torch.device(options.device)
    on_device = (batch[0].to(device), batch[1].to(device))
    usual = "step: channels_last, fp32, eager, frozen statistics, fused AdamW"
    ways: dict[str, dict[str, bool]] = {
        usual: {},
        "step: default memory format": {"channels_last": False},
        "step: bf16 mixed": {"bf16": True},
        "step: learned statistics": {"frozen_statistics": False},
        "step: AdamW in a loop over tensors": {"fused": False},
    }
    if on_gpu(options):
        ways |= {
            RECORDED: {"recorded": True},
            f"{RECORDED}, bf16 mixed": {"recorded": True, "bf16": True},
        }
    steppers = {name: Stepper(network, on_device, **way) for name, way in ways.items()}
    figures = []
    if not options.no_compile:
        for name, bf16 in (("step: compiled", False), ("step: compiled, bf16 mixed", True)):
            steppers[name] = Stepper(network, on_device, compiled=True, bf16=bf16)
            started = time.perf_counter()
            steppers[name].train_on([None])
            seconds = time.perf_counter() - started
            figures.append(figure(f"{name}, first step", [seconds], unit="s"))
    steps = STEPS_AT_ONCE if on_gpu(options) else 1
    calls = {name: partial(stepper.train_on, [None] * steps) for name, stepper in steppers.items()}
    samples = time_in_turn(calls, rounds=options.rounds, runs=options.runs, warmup=1)
    speeds = _speeds(samples, options.batch_size * steps)
    return [
        speeds[usual],
        *(against(f, speeds[usual]) for f in list(speeds.values())[1:]),
        *figures,
    ]


def _feeding(
    network: EdgeNetwork, images: Images, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Steps with their batches: frames in memory or decoded, made in turn or ahead."""
    usual = "epoch: frames in memory, in turn"
    memory, again = _store(images), _store(images, budget_mb=0)
    ways = {usual: (memory, 0, False)}
    for workers in (1, 2):
        ways[f"epoch: frames in memory, {workers} threads ahead"] = (memory, workers, False)
    workers = worker_count("auto", 1, on_gpu=True)
    ways[f"epoch: frames in memory, {workers} processes ahead"] = (memory, workers, True)
    ways["epoch: decoded again, in turn"] = (again, 0, False)
    for workers in (1, 2):
        ways[f"epoch: decoded again, {workers} threads ahead"] = (again, workers, False)
    return _by_way(images, options, ways, usual, _fed_stepper(network, images, options).train_on)


def _fed_stepper(network: EdgeNetwork, images: Images, options: argparse.Namespace) -> Stepper:
    """As training itself runs."""
    batch = _batch(images, options, device=options.device)
    return Stepper(network, batch, recorded=on_gpu(options))


def _gpu_busy(network: EdgeNetwork, images: Images, options: argparse.Namespace) -> dict[str, Any]:
    """How busy the GPU is while processes feed it."""
    workers = worker_count("auto", 1, on_gpu=True)
    source = _batches(images, _store(images), options, workers, processes=True)
    step = _fed_stepper(network, images, options)
    try:
        step.train_on(source)
        with watched_gpu() as busy:
            end = time.monotonic() + WATCHED_SECONDS
            while time.monotonic() < end:
                step.train_on(source)
    finally:
        source.close()
    return figure(f"GPU busy while {workers} processes feed it", busy, unit="%", better="higher")


def _loading(images: Images, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Batches alone, with nothing that trains on them: what an accelerator could be fed with."""
    usual = "batches alone: in turn"
    store, workers = _store(images), max(2, worker_count("auto", 1, on_gpu=True))
    ways = {
        usual: (store, 0, False),
        f"batches alone: {workers} threads ahead": (store, workers, False),
        f"batches alone: {workers} processes ahead": (store, workers, True),
    }
    return _by_way(images, options, ways, usual, _count)


def _by_way(
    images: Images,
    options: argparse.Namespace,
    ways: dict[str, tuple[FrameStore, int, bool]],
    usual: str,
    use: Callable[[TrainingBatches], object],
) -> list[dict[str, Any]]:
    """Passes over the images by (frames, workers, whether these are processes), in turn."""
    sources = {
        name: _batches(images, store, options, workers, processes)
        for name, (store, workers, processes) in ways.items()
    }
    passes = {name: partial(use, source) for name, source in sources.items()}
    samples = time_in_turn(passes, rounds=options.rounds, runs=1, warmup=1)
    for source in sources.values():
        source.close()
    speeds = _speeds(samples, options.batch_size * options.batches)
    return [speeds[usual], *(against(f, speeds[usual]) for n, f in speeds.items() if n != usual)]


def _store(images: Images, budget_mb: int = 2048) -> FrameStore:
    return FrameStore(images.samples, images.root, images.spec, budget_mb=budget_mb)


def _count(batches: TrainingBatches) -> int:
    return sum(len(targets) for _, targets in batches)


def _speeds(samples: dict[str, list[float]], images: int) -> dict[str, dict[str, Any]]:
    """Milliseconds of so many images to figures in images per second."""
    return {
        name: figure(name, [1000 * images / ms for ms in of], unit="images/s", better="higher")
        for name, of in samples.items()
    }


def _batches(
    images: Images, store: FrameStore, options: argparse.Namespace, workers: int, processes: bool
) -> TrainingBatches:
    targets_N = _targets(len(images.samples))
    augmentation = PerThread(partial(build_augmentation, images.augment, images.spec))
    sampler = EpochSampler(targets_N, batch_size=options.batch_size, seed=0)
    return TrainingBatches(
        TrainingSet(store, targets_N, augmentation, seed=0),
        sampler,
        batch_size=options.batch_size,
        workers=workers,
        processes=processes,
        pinned=options.device.startswith("cuda"),
    )


def _batch(
    images: Images, options: argparse.Namespace, device: str = "cpu"
) -> tuple[Tensor, Tensor]:
    few = FrameStore(images.samples[: options.batch_size], images.root, images.spec)
    frames_NHWC = torch.from_numpy(np.stack([few.frame(i) for i in range(len(few))]))
    return frames_NHWC.to(device), torch.from_numpy(_targets(len(few))).to(device)


def _targets(count: int) -> NDArray[np.int64]:
    """Classes that need not be true: what a step takes does not depend on them."""
    return np.arange(count, dtype=np.int64) % CLASSES


def _network(images: Images) -> EdgeNetwork:
    card = load_card(images.backbone)
    torch.manual_seed(0)
    head = linear_head(card.feature_dim, CLASSES, dropout=0.2)
    return EdgeNetwork(build_backbone(card), head, images.spec)


def _images(options: argparse.Namespace, scratch: Path) -> Images:
    count = options.batch_size * options.batches
    if options.run is None:
        card = load_card("mobilenet_v2")
        spec = InputSpec(options.side, options.side, mean=card.mean, std=card.std)
        return Images(tuple(_draw(scratch, count)), scratch, spec, card.id, "conveyor")
    run = RunFolder(options.run)
    recipe, table = run.recipe(), frozen_samples(run).of("train")
    samples = tuple(itertools.islice(itertools.cycle(table.samples), count))
    return Images(
        samples, table.root, input_spec(recipe), recipe.model.backbone, recipe.train.augment
    )


def _draw(folder: Path, count: int) -> Iterator[Sample]:
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (300, 300), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number}.jpg"), picture)
        yield Sample(f"{number}.jpg", "drawn", "train", str(number))


def _device_in_words(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else "the processor"


if __name__ == "__main__":
    main()
