"""Which penalties a recipe switches on."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from edgefit.data.table import SampleTable
from edgefit.progress import Reporter
from edgefit.recipe import Recipe, make_recipe
from edgefit.train.penalties.build import build_penalties
from edgefit.train.penalties.penalty import Penalty
from tests.tiny_network import LABELS, tiny_network

TABLE = SampleTable(Path("nowhere"), (), LABELS)


def recipe_of(*overrides: str, weights: str = "imagenet") -> Recipe:
    return make_recipe({"name": "x", "model": {"weights": weights}}, overrides)


def test_nothing_is_switched_on_by_default() -> None:
    assert build_penalties(recipe_of(), TABLE, tiny_network(steps=0)) == []


def test_what_the_recipe_names_is_built_with_its_strength() -> None:
    recipe = recipe_of("train.keep.l2_sp=0.5", "train.keep.distill=2")
    penalties = build_penalties(recipe, TABLE, tiny_network(steps=0))
    assert [p.name for p in penalties] == ["l2_sp", "distill"]
    assert all(isinstance(p, Penalty) and p.main_share == 1 and not p.learns for p in penalties)
    assert [getattr(p, "strength", getattr(p, "weight", None)) for p in penalties] == [0.5, 2.0]


def test_holding_on_to_random_weights_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(console=Console(stderr=True, width=300))
    network = tiny_network(steps=0)
    build_penalties(recipe_of("train.keep.distill=1", weights="none"), TABLE, network, reporter)
    assert "nothing to keep" in capsys.readouterr().err
    build_penalties(recipe_of("train.keep.distill=1"), TABLE, network, reporter)
    build_penalties(recipe_of(weights="none"), TABLE, network, reporter)
    assert capsys.readouterr().err == ""
