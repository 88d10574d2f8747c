"""Keys of ``data`` and ``input``."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from edgefit.recipe import DataConfig, InputConfig, SplitConfig
from edgefit.spec import Aspect, Damaged, Enlarge


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.4), (0.1, 0.8), (0.89, 0.05)])
def test_a_split_leaves_a_tenth_for_training(validation: float, test: float) -> None:
    with pytest.raises(ValidationError, match="at least 10 % for training"):
        SplitConfig(validation=validation, test=test)


def test_a_group_comes_from_one_place() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        DataConfig(group=r"\d+", group_column="part")
    with pytest.raises(ValidationError, match="not a regular expression"):
        DataConfig(group="part_(")


@pytest.mark.parametrize("side", [7, 4097])
def test_an_input_has_a_size_that_networks_take(side: int) -> None:
    for key in ("width", "height"):
        with pytest.raises(ValidationError):
            InputConfig.model_validate({key: side})


def test_the_backbone_adds_its_normalisation_to_the_contract() -> None:
    config = InputConfig(width=64, height=32, aspect=Aspect.CROP, enlarge=Enlarge.LANCZOS)
    spec = config.to_spec([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    assert spec.shape_HWC == (32, 64, 3)
    assert (spec.mean, spec.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert (spec.aspect, spec.enlarge) == (Aspect.CROP, Enlarge.LANCZOS)


def test_the_contract_says_how_files_are_read() -> None:
    config = InputConfig.model_validate({"damaged": "warn", "bits": 12, "max_pixels": 5})
    spec = config.to_spec([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    assert (spec.damaged, spec.bits, spec.max_pixels) == (Damaged.WARN, 12, 5)
    for wrong in ({"damaged": "ask"}, {"bits": 8}, {"bits": 17}, {"max_pixels": 0}):
        with pytest.raises(ValidationError):
            InputConfig.model_validate(wrong)
