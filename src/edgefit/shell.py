"""Commands as text that a shell takes as it is, whatever a path holds.

A path may hold blanks, quotes, ``$``, control characters or bytes that are not UTF-8, and it may
begin with a dash. A command that edgefit prints works when it is copied.
"""

from __future__ import annotations

import shlex
from pathlib import PurePath


def shell_line(*words: str | PurePath) -> str:
    """One line for a POSIX shell from the words of a command.

    A path that begins with a dash gets ``./`` in front, so that no program reads it as an option.
    A word that cannot be printed is written as ``$'...'``, which bash, zsh and ksh read.

    >>> from pathlib import Path
    >>> shell_line("edgefit", "train", Path("my run"))
    "edgefit train 'my run'"
    """
    return " ".join(_quoted(word) for word in words)


def _quoted(word: str | PurePath) -> str:
    text = str(word)
    if isinstance(word, PurePath) and text.startswith("-"):
        text = f"./{text}"
    return shlex.quote(text) if text.isprintable() else f"$'{_escaped(text)}'"


def _escaped(text: str) -> str:
    """The inside of ``$'...'``; octal escapes end after three digits, hexadecimal ones do not."""
    return "".join(
        f"\\{character}"
        if character in "\\'"
        else character
        if character.isprintable()
        else "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
        for character in text
    )
