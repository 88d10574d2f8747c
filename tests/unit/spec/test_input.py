"""The input contract, to and from the manifest."""

from __future__ import annotations

from typing import Any

import pytest

from edgefit.errors import InputError
from edgefit.spec import (
    Aspect,
    Damaged,
    Enlarge,
    InputSpec,
    JpegDecode,
)


def test_input_spec_round_trip() -> None:
    means, deviations = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    scaled, sharp = JpegDecode.SCALED, Enlarge.LANCZOS
    rules = (Damaged.WARN, 12, 5_000_000)
    spec = InputSpec(96, 64, Aspect.CROP, 7, scaled, means, deviations, sharp, *rules)
    facts = spec.to_dict()
    assert InputSpec.from_dict(facts) == spec
    assert spec.shape_HWC == (64, 96, 3)
    assert facts["colour_order"] == "RGB"


def test_an_input_contract_of_release_0_1_enlarges_as_that_release_did() -> None:
    facts = InputSpec(96, 64).to_dict()
    del facts["enlarge"]
    assert InputSpec.from_dict(facts).enlarge is Enlarge.BILINEAR


def test_an_input_contract_of_an_earlier_release_refuses_damage_and_uses_all_bits() -> None:
    facts = InputSpec(96, 64).to_dict()
    for key in ("damaged", "bits", "max_pixels"):
        del facts[key]
    spec = InputSpec.from_dict(facts)
    assert (spec.damaged, spec.bits, spec.max_pixels) == (Damaged.REFUSE, 16, 100_000_000)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"colour_order": "BGR"}, "input.colour_order"),
        ({"layout": "NCHW"}, "input.layout"),
        ({"width": 4}, "input"),
        ({"aspect": "squeeze"}, "input"),
        ({"enlarge": "fractal"}, "input"),
        ({"gamma": 2.2}, "input.gamma"),
        ({"mean": [0.5]}, "input"),
        ({"pad_value": 300}, "input.pad_value"),
        ({"damaged": "perhaps"}, "input"),
        ({"bits": 8}, "input.bits"),
        ({"bits": 17}, "input.bits"),
        ({"max_pixels": 0}, "input.max_pixels"),
    ],
)
def test_input_spec_refuses_what_it_cannot_fulfil(change: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError) as caught:
        InputSpec.from_dict(InputSpec(32, 32).to_dict() | change)
    assert caught.value.key == key


def test_input_spec_refuses_a_missing_key() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        InputSpec.from_dict({"width": 32})
