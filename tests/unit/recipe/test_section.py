"""What all sections of a recipe refuse."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from edgefit.recipe import Recipe
from edgefit.recipe.section import Section


class Oven(Section):
    heat: float = 1.0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "hot"])
def test_a_number_is_finite(value: object) -> None:
    with pytest.raises(ValidationError):
        Oven.model_validate({"heat": value})


def test_unknown_keys_are_refused_and_values_stay() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Oven.model_validate({"head": 1})
    with pytest.raises(ValidationError, match="frozen"):
        Oven().heat = 2.0  # type: ignore[misc]


def test_every_part_of_a_recipe_is_a_section() -> None:
    def parts(model: type[BaseModel]) -> list[type[BaseModel]]:
        kinds = [info.annotation for info in model.model_fields.values()]
        found = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        return [model, *(part for kind in found for part in parts(kind))]

    assert len(parts(Recipe)) > 10
    assert [part for part in parts(Recipe) if not issubclass(part, Section)] == []
