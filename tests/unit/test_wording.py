"""A count agrees with its noun and its verb."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edgefit
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
        (1, "day", "carry", "1 day carries"),
        (2, "day", "", "2 days"),
        (1200, "image", "", "1,200 images"),
        (1, "held-out image", "", "1 held-out image"),
    ],
)
def test_the_noun_and_the_verb_agree(count: int, noun: str, verb: str, said: str) -> None:
    assert counted(count, noun, verb) == said


def test_the_noun_and_the_verb_are_there_alone() -> None:
    assert (plural(1, "box"), plural(2, "box")) == ("box", "boxes")
    assert (agreeing(1, "were"), agreeing(4, "were")) == ("was", "were")


ONE_FORM = re.compile(
    r"\{[^{}]*\}(?: of \{[^{}]*\})? (?:(?!of )[a-z-]+ )?(?:images|files|frames|groups) [a-z]"
)


@pytest.mark.parametrize("room", ["data", "cli", "evaluate"])
def test_no_message_states_a_count_in_one_form_only(room: str) -> None:
    """``f"{len(paths)} images occur"`` reads "1 images occur" some day."""
    root = Path(edgefit.__file__).parent / room
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}
    found = [
        f"{path.relative_to(root)}: {match[0]}"
        for path, text in texts.items()
        if path.parent.name != "formats"
        for match in ONE_FORM.finditer(text)
    ]
    assert found == []


@pytest.mark.parametrize("text", ['f"{len(a)} images occur"', 'f"{n} of {m} held-out images are"'])
def test_such_a_message_would_be_found(text: str) -> None:
    assert ONE_FORM.search(text)
