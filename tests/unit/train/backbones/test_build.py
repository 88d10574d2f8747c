"""Building and freezing backbones."""

from __future__ import annotations

import pytest
import torch

from edgefit.errors import InputError
from edgefit.train.backbones.build import (
    build_backbone,
    check_input_size,
    freeze_stages,
    hold_statistics,
)
from edgefit.train.backbones.card import load_card

CARD = load_card("mobilenet_v3_small")


def test_the_backbone_gives_features_of_the_cards_size() -> None:
    for name in ("mobilenet_v3_small", "squeezenet1_1"):
        card = load_card(name)
        features = build_backbone(card).eval()(torch.zeros(2, 3, 64, 48)).flatten(1)
        assert features.shape == (2, card.feature_dim)


def test_a_small_input_is_refused() -> None:
    check_input_size(CARD, CARD.min_input_size, 400)
    with pytest.raises(InputError, match="too small") as caught:
        check_input_size(CARD, 400, CARD.min_input_size - 1)
    assert caught.value.found == f"400x{CARD.min_input_size - 1}"


def test_freezing_stops_just_the_first_stages() -> None:
    backbone = build_backbone(CARD)
    freeze_stages(backbone, CARD, 2)
    for name, parameter in backbone.named_parameters():
        assert parameter.requires_grad is (CARD.stage_of(name) >= 2), name


def test_freezing_none_or_all() -> None:
    backbone = build_backbone(CARD)
    freeze_stages(backbone, CARD, 0)
    assert all(p.requires_grad for p in backbone.parameters())
    freeze_stages(backbone, CARD, len(CARD.stages))
    assert not any(p.requires_grad for p in backbone.parameters())
    with pytest.raises(InputError, match="freezes more stages"):
        freeze_stages(backbone, CARD, len(CARD.stages) + 1)


@pytest.mark.parametrize("all_of_them", [False, True])
def test_held_norms_keep_their_statistics(all_of_them: bool) -> None:
    backbone = build_backbone(CARD)
    freeze_stages(backbone, CARD, 1)
    backbone.train()
    hold_statistics(backbone, all_of_them=all_of_them)
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    backbone(torch.randn(4, 3, 32, 32)).sum().backward()
    changed = {k for k, v in backbone.state_dict().items() if not torch.equal(v, before[k])}
    if all_of_them:
        assert not changed
    else:
        assert changed
        assert all(CARD.stage_of(name) >= 1 for name in changed)
    for name, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) is (CARD.stage_of(name) >= 1), "scales learn"
