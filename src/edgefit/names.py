"""Names of files as text that every format can hold.

A file name on Linux is a sequence of bytes. Python carries bytes that are not UTF-8 through as lone
surrogates (PEP 383), which open the file again but which neither UTF-8, JSON nor HTML can hold.
"""

from __future__ import annotations

import unicodedata


def printable(name: str) -> str:
    r"""The name with every byte that is not UTF-8 written as ``\xNN``.

    >>> printable("b_\udcfcber.jpg")
    'b_\\xfcber.jpg'
    """
    if name.isascii():
        return name
    # "surrogatepass" for surrogates that no file system gave: JSON may hold them
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "backslashreplace")


def displayed(name: str) -> str:
    r"""The name on one line of a terminal: printable, and control characters as escapes.

    >>> displayed("a\x1b[31m.jpg")
    'a\\x1b[31m.jpg'
    """
    text = printable(name)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def is_utf8(name: str) -> bool:
    """Whether UTF-8 can hold the name as it is."""
    return printable(name) == name


def composed(name: str) -> str:
    """The name in Unicode's composed form (NFC), printable.

    A Mac writes ``ü`` as two characters and most other systems as one; both must name one class.
    """
    return unicodedata.normalize("NFC", printable(name))


def escaped(name: str) -> str:
    r"""The name as :func:`printable` gives it, with backslashes doubled; see :func:`unescaped`."""
    return printable(name.replace("\\", "\\\\"))


def unescaped(text: str) -> str:
    """The name that :func:`escaped` turned into ``text``.

    Raises:
        ValueError: ``escaped`` does not give such a text.
    """
    raw = text.encode("utf-8")
    out, position = bytearray(), 0
    while position < len(raw):
        if raw[position] != ord("\\"):
            out.append(raw[position])
            position += 1
        elif raw[position + 1 : position + 2] == b"\\":
            out.append(ord("\\"))
            position += 2
        elif raw[position + 1 : position + 2] == b"x":
            out.append(int(raw[position + 2 : position + 4], 16))
            position += 4
        else:
            raise ValueError(text)
    return out.decode("utf-8", "surrogateescape")
