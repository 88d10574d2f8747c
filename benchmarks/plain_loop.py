"""The peer of edgefit's training: torchvision's reference recipe, plainly written.

::

    python -m benchmarks.plain_loop RUN --epochs 15 --out rows.jsonl

It follows ``references/classification/train.py`` and ``presets.py`` of
https://github.com/pytorch/vision: SGD with momentum 0.9 and weight decay 1e-4 on all parameters,
plain cross entropy, RandomResizedCrop and a horizontal flip, every file decoded again in every
epoch by the worker processes of a DataLoader, the rate stepped once an epoch. Batches hold 32
images; the reference's rate of 0.1 is for eight times as many, so it is 0.0125 here (linear
scaling, Goyal 2017, https://arxiv.org/abs/1706.02677).

Backbone, pretrained weights, input size and split are those of a run folder, so that it differs
from edgefit in nothing but how it trains. Flips are left out where the run's own augmentation is
the one for road signs: a mirrored arrow is another sign. After each epoch the validation images are
measured as edgefit's network sees them; the time that this takes is kept apart.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.metrics import METRICS
from edgefit.recipe import Recipe
from edgefit.run import RunFolder
from edgefit.spec import InputSpec
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import input_spec, load_card
from edgefit.train.backbones.weights import load_weights

MOMENTUM, WEIGHT_DECAY = 0.9, 1e-4
STEP_EPOCHS, STEP_FACTOR = 30, 0.1


@dataclass(frozen=True)
class PlainConfig:
    """What the reference recipe leaves to its user.

    Attributes:
        epochs: Epochs at most.
        learning_rate: Rate of the first epoch, for all parameters.
        schedule: ``cosine`` over the epochs, or ``step``: a tenth every 30 epochs.
        min_scale: Smallest share of the picture that RandomResizedCrop keeps.
        flip: Mirror every other picture.
        batch_size: Images a step.
        workers: Processes that decode.
        metric: What is measured on validation.
        target: Stop once ``metric`` has reached it; None trains all epochs.
        seed: Of the head's weights, the order and the crops.
    """

    epochs: int = 15
    learning_rate: float = 0.0125
    schedule: Literal["cosine", "step"] = "cosine"
    min_scale: float = 0.08
    flip: bool = True
    batch_size: int = 32
    workers: int = 2
    metric: str = "accuracy"
    target: float | None = None
    seed: int = 0


class Files(Dataset[tuple[Tensor, int]]):
    """Image files with their classes, decoded and transformed at each access.

    Args:
        table: The samples.
        transform: From a Pillow image to a normalised tensor (3, H, W).
    """

    def __init__(self, table: SampleTable, transform: Callable[[Image.Image], Tensor]) -> None:
        self.paths = [table.absolute(sample) for sample in table.samples]
        self.targets_N = table.targets_N()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.paths[index]) as image:
            return self.transform(image.convert("RGB")), int(self.targets_N[index])


def main() -> None:
    """Train and write one line of JSON an epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder whose stage `check` has finished")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--learning-rate", type=float, default=0.0125)
    parser.add_argument("--schedule", choices=["cosine", "step"], default="cosine")
    parser.add_argument("--min-scale", type=float, default=0.08)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--metric", default="accuracy", choices=sorted(METRICS))
    parser.add_argument("--target", type=float, help="stop once the metric has reached it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="rows go here, one line an epoch")
    options = vars(parser.parse_args())
    run, out = RunFolder(options.pop("run")), options.pop("out")
    flip = run.recipe().train.augment != "road-signs"
    with out.open("w", encoding="utf-8") as file:
        for row in train(run, PlainConfig(flip=flip, **options)):
            print(json.dumps(row), file=file, flush=True)
            print(f"epoch {row['epoch']}: {row['metric']:.4f}")


def train(run: RunFolder, config: PlainConfig) -> Iterator[dict[str, Any]]:
    """Train; after each epoch a row of ``epoch``, ``loss``, ``metric``, ``at``, ``evaluation``.

    ``at`` is the monotonic clock in seconds after the epoch was measured, ``evaluation`` the
    seconds that measuring has taken so far.
    """
    recipe, table = run.recipe(), frozen_samples(run)
    spec = input_spec(recipe)
    torch.manual_seed(config.seed)
    network = build_network(recipe, len(table.labels))
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=config.learning_rate,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
    )
    schedule = make_schedule(optimizer, config)
    loader: DataLoader[Any] = DataLoader(
        Files(table.of("train"), make_transform(spec, config)),
        batch_size=config.batch_size,
        shuffle=True,
        num_workers=config.workers,
    )
    evaluate, evaluation = make_evaluation(table.of("val"), spec, config.metric)
    for epoch in range(1, config.epochs + 1):
        loss = train_one_epoch(network, loader, optimizer)
        schedule.step()
        started = time.monotonic()
        measured = evaluate(network)
        evaluation += time.monotonic() - started
        yield {
            "epoch": epoch,
            "loss": loss,
            "metric": measured,
            "at": time.monotonic(),
            "evaluation": evaluation,
        }
        if config.target is not None and measured >= config.target:
            return


def build_network(recipe: Recipe, classes: int) -> nn.Module:
    """Torchvision's network with the run's pretrained weights and a new last layer."""
    card = load_card(recipe.model.backbone)
    backbone = build_backbone(card)
    load_weights(backbone, card, recipe.model.start)
    head = nn.Linear(card.feature_dim, classes)
    nn.init.normal_(head.weight, std=0.01)
    nn.init.zeros_(head.bias)
    return nn.Sequential(backbone, nn.Dropout(recipe.model.dropout), head)


def make_transform(spec: InputSpec, config: PlainConfig) -> Callable[[Image.Image], Tensor]:
    """The reference's training preset (``ClassificationPresetTrain``)."""
    size = (spec.height, spec.width)
    steps = [transforms.RandomResizedCrop(size, scale=(config.min_scale, 1.0))]
    if config.flip:
        steps.append(transforms.RandomHorizontalFlip())
    steps += [
        transforms.PILToTensor(),
        transforms.ConvertImageDtype(torch.float32),
        transforms.Normalize(spec.mean, spec.std),
    ]
    composed: Callable[[Image.Image], Tensor] = transforms.Compose(steps)
    return composed


def make_schedule(optimizer: torch.optim.Optimizer, config: PlainConfig) -> Any:
    """The reference's ``cosineannealinglr`` or ``steplr``, stepped once an epoch."""
    if config.schedule == "step":
        return torch.optim.lr_scheduler.StepLR(optimizer, STEP_EPOCHS, STEP_FACTOR)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=config.epochs)


def train_one_epoch(
    network: nn.Module, loader: DataLoader[Any], optimizer: torch.optim.Optimizer
) -> float:
    """The reference's ``train_one_epoch``; gives the mean loss."""
    criterion = nn.CrossEntropyLoss()
    network.train()
    losses = []
    for images_NCHW, targets_N in loader:
        if len(targets_N) < 2:  # batch norm cannot learn from one picture
            continue
        loss = criterion(network(images_NCHW), targets_N)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def make_evaluation(
    table: SampleTable, spec: InputSpec, metric: str
) -> tuple[Callable[[nn.Module], float], float]:
    """A function that measures a network on a table's images, and the seconds it took to make it.

    The pictures are those that edgefit's network is measured on, to the pixel.
    """
    started = time.monotonic()
    store = FrameStore(table.samples, table.root, spec)
    targets_N = table.targets_N()
    mean = torch.tensor(spec.mean).mul(255).reshape(1, 3, 1, 1)
    std = torch.tensor(spec.std).mul(255).reshape(1, 3, 1, 1)

    def evaluate(network: nn.Module) -> float:
        network.eval()
        answers: list[NDArray[np.float32]] = []
        with torch.inference_mode():
            for frames_NHWC in frames_in_order(store):
                images_NCHW = torch.from_numpy(frames_NHWC).permute(0, 3, 1, 2).float()
                logits_NC = network((images_NCHW - mean) / std)
                answers.append(torch.softmax(logits_NC, dim=1).numpy())
        return float(METRICS[metric](np.concatenate(answers), targets_N, None))

    return evaluate, time.monotonic() - started


if __name__ == "__main__":
    main()
