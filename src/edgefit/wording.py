"""Counted nouns, with the verb that agrees: ``1 image occurs``, ``2 images occur``."""

from __future__ import annotations

_IRREGULAR_VERBS = {"are": "is", "have": "has", "were": "was", "do": "does"}
_HISSING = ("s", "x", "z", "ch", "sh")


def counted(count: int, noun: str, verb: str = "") -> str:
    """The count with the noun, and with the verb where there is one.

    >>> counted(1, "image", "occur"), counted(2, "class", "have")
    ('1 image occurs', '2 classes have')

    Args:
        count: How many.
        noun: In the singular; an adjective may precede it.
        verb: In the plural: ``occur``, ``are``.
    """
    return f"{count:,} {plural(count, noun)}" + (f" {agreeing(count, verb)}" if verb else "")


def plural(count: int, noun: str) -> str:
    """The noun as it follows the count.

    >>> plural(1, "class"), plural(3, "class"), plural(0, "copy")
    ('class', 'classes', 'copies')
    """
    if count == 1:
        return noun
    if noun.endswith(_HISSING):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"


def agreeing(count: int, verb: str) -> str:
    """The verb, given in the plural, as it agrees with the count.

    >>> agreeing(1, "are"), agreeing(1, "match"), agreeing(2, "match")
    ('is', 'matches', 'match')
    """
    if count != 1:
        return verb
    return _IRREGULAR_VERBS.get(verb) or plural(0, verb)  # spelled as nouns in the plural are
