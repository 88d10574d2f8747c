"""The networks of a run: as training starts them, and as it left them."""

from __future__ import annotations

import torch

from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.run import RunFolder
from edgefit.spec import LabelMap
from edgefit.train.backbones.build import build_backbone, check_input_size, freeze_stages
from edgefit.train.backbones.card import BackboneCard, input_spec, load_card
from edgefit.train.backbones.weights import WeightsReport, load_weights, read_state
from edgefit.train.network import EdgeNetwork
from edgefit.train.tasks import TASKS
from edgefit.train.weight_files import BEST


def build_network(
    recipe: Recipe, labels: LabelMap, reporter: Reporter = QUIET
) -> tuple[EdgeNetwork, BackboneCard, WeightsReport]:
    """The network a recipe names, filled with its pretrained weights, head at random (seeded)."""
    card = load_card(recipe.model.backbone)
    check_input_size(card, recipe.input.width, recipe.input.height)
    torch.manual_seed(recipe.train.seed)
    backbone = build_backbone(card)
    weights = load_weights(backbone, card, recipe.model.weights)
    if weights.source == "none":
        reporter.say(f"{card.title} starts from random weights (model.weights: none)")
    else:
        reporter.say(
            f"{card.title} starts from {weights.source}: {len(weights.missing)} tensors missing, "
            f"{len(weights.unexpected)} unexpected {weights.unexpected[:3] or ''}"
        )
    head = TASKS[recipe.task].build_head(card.feature_dim, len(labels), recipe.model.dropout)
    freeze_stages(backbone, card, recipe.train.freeze_stages)
    return EdgeNetwork(backbone, head, input_spec(recipe, card)), card, weights


def load_trained(run: RunFolder, temperature: float = 1.0) -> EdgeNetwork:
    """The best network of a run, in eval mode on the CPU.

    Args:
        run: A run whose stage ``train`` has ended.
        temperature: What its logits are divided by; the one that ``calibrate`` found, or 1.

    Raises:
        WeightsError: The weights are absent or damaged.
    """
    recipe = run.recipe()
    card = load_card(recipe.model.backbone)
    head = TASKS[recipe.task].build_head(card.feature_dim, len(run.labels()), recipe.model.dropout)
    network = EdgeNetwork(build_backbone(card), head, input_spec(recipe, card))
    network.load_state_dict(read_state(run.root / "train" / BEST))
    network.temperature.fill_(temperature)
    return network.eval().to(memory_format=torch.channels_last)
