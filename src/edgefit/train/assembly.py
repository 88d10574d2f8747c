"""The networks of a run: as training starts them, and as it left them."""

from __future__ import annotations

import torch
from torch import nn

from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.train import WeightsReport
from edgefit.run import RunFolder
from edgefit.spec import LabelMap
from edgefit.train.backbones.build import build_backbone, check_input_size, freeze_stages
from edgefit.train.backbones.card import BackboneCard, input_spec, load_card
from edgefit.train.backbones.weights import load_weights, read_state
from edgefit.train.network import EdgeNetwork
from edgefit.train.tasks import TASKS
from edgefit.train.weight_files import BEST


def build_network(
    recipe: Recipe, labels: LabelMap, reporter: Reporter = QUIET
) -> tuple[EdgeNetwork, BackboneCard, WeightsReport]:
    """Build a recipe's network: the backbone with its pretrained weights, a seeded random head."""
    card = load_card(recipe.model.backbone)
    check_input_size(card, recipe.input.width, recipe.input.height)
    torch.manual_seed(recipe.train.seed)
    backbone = build_backbone(card)
    weights = load_weights(backbone, card, recipe.model.start)
    if recipe.model.start.is_random:
        reporter.say(f"{card.title} starts from random weights (model.weights: none)")
    else:
        reporter.say(
            f"{card.title} starts from {weights.origin}: {len(weights.missing)} tensors missing, "
            f"{len(weights.unexpected)} unexpected {list(weights.unexpected[:3]) or ''}"
        )
    network = _assembled(recipe, card, backbone, labels)
    freeze_stages(backbone, card, recipe.train.freeze_stages)
    return network, card, weights


def _assembled(
    recipe: Recipe, card: BackboneCard, backbone: nn.Module, labels: LabelMap
) -> EdgeNetwork:
    task = TASKS[recipe.task]
    return EdgeNetwork(
        backbone,
        task.build_head(card, labels, recipe.model),
        input_spec(recipe, card),
        readout=task.readout,
        taps=task.taps(card),
    )


def load_trained(run: RunFolder, temperature: float = 1.0) -> EdgeNetwork:
    """The best network of a run, in eval mode on the CPU.

    Args:
        run: A run whose stage ``train`` has ended.
        temperature: Divides the logits; the one that ``calibrate`` found, or 1.

    Raises:
        WeightsError: The weights file is missing or damaged.
    """
    recipe = run.recipe()
    card = load_card(recipe.model.backbone)
    network = _assembled(recipe, card, build_backbone(card), run.labels())
    network.load_state_dict(read_state(run.root / "train" / BEST))
    network.temperature.fill_(temperature)
    return network.eval().to(memory_format=torch.channels_last)
