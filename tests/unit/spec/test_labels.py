"""The frozen class list."""

from __future__ import annotations

import pytest

from edgefit.errors import InputError
from edgefit.spec import (
    LabelMap,
)


def test_label_map() -> None:
    labels = LabelMap(("b", "a"))
    assert len(labels) == 2
    assert labels.index("a") == 1
    assert labels.sha256 != LabelMap(("a", "b")).sha256
    with pytest.raises(InputError, match="not in the class list"):
        labels.index("c")
    with pytest.raises(InputError, match="repeat"):
        LabelMap(("a", "b", "a"))
