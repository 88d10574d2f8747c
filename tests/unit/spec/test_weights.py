"""What a network starts from."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.spec.weights import IMAGENET, NOTHING, WeightsSource


@pytest.mark.parametrize(
    ("text", "random", "imagenet", "file"),
    [
        (NOTHING, True, False, None),
        (IMAGENET, False, True, None),
        ("base.safetensors", False, False, Path("base.safetensors")),
        ("None", False, False, Path("None")),
    ],
)
def test_a_start_is_random_imagenets_or_a_file(
    text: str, random: bool, imagenet: bool, file: Path | None
) -> None:
    source = WeightsSource(text)
    assert (source.is_random, source.is_imagenet, source.file) == (random, imagenet, file)
