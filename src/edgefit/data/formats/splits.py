"""The words by which data sets name their splits."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from edgefit.names import printable

_WORDS = {
    "train": "train training trainings trn",
    "val": "val valid validation validate validating dev devel development eval evaluation",
    "test": "test testing tests tst holdout heldout",
}
_SHORT = {"train": "tr", "val": "va vl", "test": "te ts"}
"""Words that are likely names of classes too; only beside others they name splits."""

_STRONG = {word: split for split, words in _WORDS.items() for word in words.split()}
_ALL = _STRONG | {word: split for split, words in _SHORT.items() for word in words.split()}
_FURTHER_WORDS = (
    "set sets data dataset split part subset folder dir images image imgs img pics photos samples "
    "files final"
)
_AFFIXES = frozenset(_FURTHER_WORDS.split())
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")
_NUMBER = re.compile(r"\d{1,2}")
_YEAR = re.compile(r"^([a-z]+)((?:19|20)\d\d)$")


@lru_cache(maxsize=1024)
def split_of(name: str) -> str | None:
    """The split that a folder or a value of a CSV file names; None where it names none.

    Case, hyphens, blanks and words such as *set*, *data* or *images* make no difference:
    ``Training``, ``train_set``, ``TrainImages``, ``01-train`` and ``train2017`` are ``train``.

    >>> split_of("Validation Set"), split_of("hold-out"), split_of("trainer")
    ('val', 'test', None)
    """
    return _ALL.get(_core(name))


def surely_split_of(name: str) -> str | None:
    """As :func:`split_of`, without the short words that may as well name classes (``tr``)."""
    return _STRONG.get(_core(name))


def split_within(name: str) -> tuple[str, str] | None:
    """A split that is one word of a name, and the rest of the name; None where there is none.

    >>> split_within("seg_train"), split_within("cats-Test-2"), split_within("freight trains")
    (('seg', 'train'), ('cats2', 'test'), None)
    """
    words = _words(name)
    found = [word for word in words if word in _STRONG]
    if len(found) != 1 or len(words) < 2:
        return None
    return "".join(word for word in words if word != found[0]), _STRONG[found[0]]


def _core(name: str) -> str:
    """What is left of a name, lower case, without blanks, numbers ahead and affixes."""
    words = _words(name)
    if len(words) > 1 and _NUMBER.fullmatch(words[0]):
        words = words[1:]
    return "".join(words)


def _words(name: str) -> list[str]:
    """The words of a name, lower case, without affixes."""
    text = unicodedata.normalize("NFKC", printable(name))
    words = [word.casefold() for word in _BETWEEN.split(_CAMEL.sub(" ", text)) if word]
    return [_bare(word) for word in words if word not in _AFFIXES]


def _bare(word: str) -> str:
    """``testset`` and ``train2017`` without what is appended."""
    word = _YEAR.sub(r"\1", word)
    stems = (word.removesuffix(affix) for affix in _AFFIXES if word.endswith(affix))
    return next((stem for stem in stems if stem in _STRONG), word)
