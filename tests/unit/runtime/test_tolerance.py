"""How far an answer may lie from the one the same file gave where it was verified."""

from __future__ import annotations

import pytest

from edgefit.runtime.tolerance import may_flip, self_test_tolerance
from edgefit.spec import Engine, Precision, VariantKey, all_variant_names


def test_every_variant_has_one_below_what_a_wrong_resize_does() -> None:
    for name in all_variant_names():
        tolerance = self_test_tolerance(VariantKey.parse(name))
        assert 0 < tolerance <= (0.1 if name.endswith("int8") else 1e-3), name


@pytest.mark.parametrize("engine", Engine)
def test_the_class_may_change_only_where_it_was_undecided(engine: Engine) -> None:
    key = VariantKey(engine, Precision.FP32)
    limit = self_test_tolerance(key)
    assert may_flip(limit / 2, key)
    assert not may_flip(limit, key)
    assert may_flip(0.05, VariantKey(engine, Precision.INT8))
