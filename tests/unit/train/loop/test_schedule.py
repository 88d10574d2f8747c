"""Learning rates: warm-up, cosine, floor; and their shares over the stages."""

from __future__ import annotations

import itertools
import math

import pytest
from torch import nn

from edgefit.recipe import TrainConfig
from edgefit.spec import InputSpec
from edgefit.train.backbones.build import build_backbone, freeze_stages
from edgefit.train.backbones.card import load_card
from edgefit.train.loop.schedule import Schedule, parameter_groups
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.penalty import Penalty

CARD = load_card("mobilenet_v3_small")


def schedule(steps_per_epoch: int = 10, **config: float) -> Schedule:
    facts = {"epochs": 4, "learning_rate": 0.1, "warmup_epochs": 0.0}
    return Schedule(TrainConfig(**(facts | config)), steps_per_epoch)


def test_warm_up_rises_in_a_straight_line_to_the_peak() -> None:
    rates = schedule(warmup_epochs=0.5)
    assert [rates.rate(s) for s in range(5)] == pytest.approx([0.1 * k / 6 for k in range(1, 6)])
    assert rates.rate(5) == pytest.approx(0.1)


def test_cosine_falls_from_the_peak_to_the_floor() -> None:
    falling = [schedule().rate(step) for step in range(41)]
    assert falling[0] == pytest.approx(0.1)
    assert all(a > b for a, b in itertools.pairwise(falling))
    assert falling[20] == pytest.approx(0.1 * (0.01 + (1 - 0.01) / 2))
    assert falling[-1] == schedule().rate(10_000) == pytest.approx(0.1 * 0.01)
    assert schedule(final_rate=0.25).rate(10_000) == pytest.approx(0.1 * 0.25)


def test_a_warm_up_longer_than_the_training_still_reaches_the_peak() -> None:
    rates = schedule(epochs=2, warmup_epochs=50)
    rising = [rates.rate(step) for step in range(20)]
    assert rising == sorted(rising)
    assert rising[-1] == pytest.approx(0.1)


def test_one_step_in_all() -> None:
    rates = schedule(1, epochs=1)
    assert rates.rate(0) == pytest.approx(0.1)
    assert math.isfinite(rates.rate(1))


# -- over the stages -------------------------------------------------------------------------


class Pull:
    """A penalty with one matrix of its own."""

    name = "pull"
    main_share = 1.0

    def __init__(self, *, replaces_weight_decay: bool) -> None:
        self.replaces_weight_decay = replaces_weight_decay
        self.learns = [nn.Parameter(nn.Linear(3, 2).weight.data)]

    def __call__(self, step: object) -> object:
        return step


def network() -> EdgeNetwork:
    return EdgeNetwork(build_backbone(CARD), nn.Linear(CARD.feature_dim, 3), InputSpec(32, 32))


def settings(
    built: EdgeNetwork, *penalties: Penalty, **config: float
) -> dict[str, tuple[float, float]]:
    """Share of the rate and weight decay of each parameter that learns, by name."""
    names = {id(p): name for name, p in built.named_parameters()}
    names |= {id(p): f"penalty{i}" for q in penalties for i, p in enumerate(q.learns)}
    groups = parameter_groups(built, CARD, TrainConfig(**config), penalties)
    found = [(names[id(p)], (g["share"], g["weight_decay"])) for g in groups for p in g["params"]]
    assert len(found) == len(dict(found)), "no parameter is in two groups"
    return dict(found)


def test_each_stage_learns_at_its_share_of_the_next_ones_rate() -> None:
    built = network()
    found = settings(built, layer_decay=0.5)
    assert set(found) == {name for name, _ in built.named_parameters()}
    last = len(CARD.stages) - 1
    for name, (share, _) in found.items():
        if name.startswith("head."):
            assert share == 1
        else:
            assert share == 0.5 ** (last - CARD.stage_of(name.removeprefix("backbone.")))
    assert {share for share, _ in settings(built, layer_decay=1.0).values()} == {1.0}


def test_biases_and_norms_are_not_decayed_and_frozen_parts_are_left_out() -> None:
    built = network()
    freeze_stages(built.backbone, CARD, 2)
    found = settings(built, weight_decay=0.3)
    for name, parameter in built.named_parameters():
        assert (name in found) == parameter.requires_grad
        if name in found:
            assert found[name][1] == (0.3 if parameter.ndim > 1 else 0.0)


def test_what_a_penalty_learns_has_the_heads_rate_and_may_replace_the_backbones_decay() -> None:
    built = network()
    beside = settings(built, Pull(replaces_weight_decay=False), weight_decay=0.3)  # type: ignore[arg-type]
    assert beside["penalty0"] == beside["head.weight"] == (1.0, 0.3)
    assert any(decay for name, (_, decay) in beside.items() if name.startswith("backbone"))
    instead = settings(built, Pull(replaces_weight_decay=True), weight_decay=0.3)  # type: ignore[arg-type]
    assert instead["head.weight"] == (1.0, 0.3)
    assert not any(decay for name, (_, decay) in instead.items() if name.startswith("backbone"))
