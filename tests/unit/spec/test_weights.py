"""What ``model.weights`` may name."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.spec.weights import IMAGENET, NOTHING, WeightsSource


@pytest.mark.parametrize(
    ("text", "is_random", "is_imagenet", "file"),
    [
        (NOTHING, True, False, None),
        (IMAGENET, False, True, None),
        ("w.pth", False, False, Path("w.pth")),
        ("/x/none.pth", False, False, Path("/x/none.pth")),
    ],
)
def test_a_start_is_one_of_three(
    text: str, is_random: bool, is_imagenet: bool, file: Path | None
) -> None:
    start = WeightsSource(text)
    assert (start.is_random, start.is_imagenet, start.file) == (is_random, is_imagenet, file)
