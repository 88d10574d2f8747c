"""A count agrees with its noun and its verb."""

from __future__ import annotations

import pytest

from edgefit.wording import agreeing, counted, plural


@pytest.mark.parametrize(
    ("count", "noun", "verb", "said"),
    [
        (0, "image", "are", "0 images are"),
        (1, "image", "occur", "1 image occurs"),
        (2, "image", "occur", "2 images occur"),
        (1, "class", "have", "1 class has"),
        (2, "class", "have", "2 classes have"),
        (1, "copy", "match", "1 copy matches"),
        (3, "copy", "match", "3 copies match"),
        (2, "day", "", "2 days"),
        (1, "held-out image", "", "1 held-out image"),
    ],
)
def test_the_noun_and_the_verb_agree(count: int, noun: str, verb: str, said: str) -> None:
    assert counted(count, noun, verb) == said


def test_the_noun_and_the_verb_are_there_alone() -> None:
    assert (plural(1, "box"), plural(2, "box")) == ("box", "boxes")
    assert (agreeing(1, "were"), agreeing(4, "were")) == ("was", "were")
