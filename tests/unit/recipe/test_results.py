"""Keys of what is made of a trained network."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edgefit.recipe import ExportConfig, OperatingConfig, VerifyConfig
from edgefit.spec import Engine, Precision


@pytest.mark.parametrize("limit", ["max_escape", "max_overkill"])
def test_a_threshold_needs_the_class_of_good_parts(limit: str) -> None:
    with pytest.raises(ValidationError, match="needs `good`"):
        OperatingConfig.model_validate({limit: 0.01})
    chosen = OperatingConfig.model_validate({limit: 0.01, "good": "fine"})
    assert getattr(chosen, limit) == 0.01


def test_one_rate_is_bounded_not_both() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        OperatingConfig(good="fine", max_escape=0.01, max_overkill=0.01)


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_a_share_lies_between_nothing_and_all(share: float) -> None:
    with pytest.raises(ValidationError):
        OperatingConfig(coverage=share)


def test_every_engine_is_made_at_every_precision() -> None:
    config = ExportConfig(engines=[Engine.OPENVINO], precisions=[Precision.INT8, Precision.FP32])
    assert [str(key) for key in config.variants()] == ["openvino/int8", "openvino/fp32"]


@pytest.mark.parametrize("key", ["engines", "precisions"])
@pytest.mark.parametrize("values", [[], "twice"])
def test_a_list_of_variants_is_not_empty_and_names_each_once(key: str, values: Any) -> None:
    names = ["openvino", "openvino"] if key == "engines" else ["int8", "int8"]
    with pytest.raises(ValidationError, match="at least one, each once"):
        ExportConfig.model_validate({key: names if values == "twice" else values})


@pytest.mark.parametrize("name", ["openvino", "openvino/int4", "tflite/int8", "openvino/int8/x"])
def test_a_required_variant_is_one_that_can_be_made(name: str) -> None:
    with pytest.raises(ValidationError, match="not a variant"):
        VerifyConfig(required=[name])
    assert VerifyConfig(required=["openvino/int8"]).required == ["openvino/int8"]
