"""Names of engines and precisions."""

from __future__ import annotations

import pytest

from edgefit.errors import InputError
from edgefit.spec import (
    Engine,
    Precision,
    VariantKey,
    all_variant_names,
)


def test_variant_names() -> None:
    assert len(all_variant_names()) == len(Engine) * len(Precision)
    for name in all_variant_names():
        assert str(VariantKey.parse(name)) == name
    for wrong in ("openvino", "openvino/int4", "/", "onnxruntime/fp32/x"):
        with pytest.raises(InputError, match="No such variant"):
            VariantKey.parse(wrong)
