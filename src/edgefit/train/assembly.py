"""The networks of a run: as training starts them, and as it left them."""

from __future__ import annotations

import torch

from edgefit.operating.chosen import OPERATING
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.run import RunFolder
from edgefit.spec import InputSpec, LabelMap
from edgefit.train.backbones.build import build_backbone, check_input_size, freeze_stages
from edgefit.train.backbones.card import BackboneCard, load_card
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


def input_spec(recipe: Recipe, card: BackboneCard | None = None) -> InputSpec:
    """The input contract of a recipe: its sizes, its backbone's normalisation."""
    card = card or load_card(recipe.model.backbone)
    return recipe.input.to_spec(card.mean, card.std)


def load_trained(run: RunFolder) -> EdgeNetwork:
    """The best network of a run, in eval mode on the CPU, with its temperature once calibrated.

    Raises:
        RunError: Training has not ended here.
        WeightsError: The weights are damaged.
    """
    run.require("train")
    recipe = run.recipe()
    card = load_card(recipe.model.backbone)
    head = TASKS[recipe.task].build_head(card.feature_dim, len(run.labels()), recipe.model.dropout)
    network = EdgeNetwork(build_backbone(card), head, input_spec(recipe, card))
    network.load_state_dict(read_state(run.root / "train" / BEST))
    if run.is_done("calibrate", recipe):
        network.temperature.fill_(run.read_json("calibrate", OPERATING)["temperature"])
    return network.eval().to(memory_format=torch.channels_last)
