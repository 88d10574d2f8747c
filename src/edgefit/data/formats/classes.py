"""Names of classes: their one spelling, and names that were probably meant to be the same."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgefit.data.table import examples
from edgefit.errors import DataError
from edgefit.names import composed, is_utf8, printable
from edgefit.recipe import DataConfig
from edgefit.records.check import Finding

_BETWEEN_LETTERS = re.compile(r"(?<=\w)[-_\s]+(?=\w)")
_PLAIN = {"Cf": "", "Pd": "-"}  # by Unicode category: signs without width, and dashes
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[-_\s]+(?=\d)")


def class_list(config: DataConfig) -> tuple[str, ...] | None:
    """``config.classes`` in the spelling of labels; None where the recipe lists none.

    Raises:
        DataError: The list names a class twice.
    """
    if config.classes is None:
        return None
    names = tuple(composed(name) for name in config.classes)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            "The class list names a class twice.",
            key="data.classes",
            found=examples(twice),
            remedy="remove one of the two names",
        )
    return names


def require_no_twins(root: Path, labels: Iterable[str], config: DataConfig) -> None:
    """Check that no two classes differ only by case, blanks, dashes or signs without width.

    Underscores count as blanks.

    Raises:
        DataError: Two do, and ``config.classes`` does not list both.
    """
    listed = set(class_list(config) or ())
    alike: dict[str, list[str]] = defaultdict(list)
    for label in sorted(set(labels)):
        alike[_essence(label)].append(label)
    twins = [names for names in alike.values() if len(names) > 1 and not listed.issuperset(names)]
    if twins:
        named = [" and ".join(_visible(name) for name in names) for names in twins]
        raise DataError(
            "Two classes have nearly the same name: they differ only by case, blanks, dashes, "
            "underscores or signs without width.",
            path=root,
            expected="one name for each class",
            found=examples(named),
            remedy="rename one of them, so that both are the same or clearly differ; if they are "
            "two classes, list every class in data.classes",
        )


def _visible(label: str) -> str:
    """The name in quotes; with codes for letters that are not ASCII where some have no width."""
    hidden = any(unicodedata.category(sign) in _PLAIN and not sign.isascii() for sign in label)
    return ascii(label) if hidden else repr(label)


def _essence(label: str) -> str:
    """What two spellings of one name have in common.

    Digits stay apart (``1-1`` is not ``11``), and so do signs at an end (``A-`` is not ``A``).
    """
    text = unicodedata.normalize("NFKC", label).casefold()
    text = "".join(_PLAIN.get(unicodedata.category(sign), sign) for sign in text).strip(" _\t\n")
    text = _BETWEEN_DIGITS.sub("\0", text)
    return _BETWEEN_LETTERS.sub("", text)


def name_findings(names: Iterable[str]) -> Iterator[Finding]:
    """What should be known about the names of class folders, as the system gives them."""
    names = sorted(set(names))
    foreign = [printable(name) for name in names if not is_utf8(name)]
    if foreign:
        message = (
            f"The name of a class folder is not UTF-8: {examples(foreign)}. The class is called "
            "as written here, everywhere; rename the folder for a readable name."
        )
        yield Finding(level="warning", code="class-name-not-utf8", message=message)
    spellings = Counter(composed(name) for name in names)
    merged = [name for name, ways in spellings.items() if ways > 1]
    if merged:
        message = (
            "Folders spell the name of one class in two Unicode forms, and count as one class: "
            f"{examples(merged)}. Give them the same name to have one folder."
        )
        yield Finding(level="warning", code="class-in-two-unicode-forms", message=message)
