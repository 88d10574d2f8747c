"""The text of a CSV file, whatever program on whatever system saved it."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgefit.errors import DataError

_DELIMITERS = (",", ";", "\t")
_SEP_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*$", re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = {b"PK\3\4": "a workbook (.xlsx)", b"\xd0\xcf\x11\xe0": "a workbook (.xls)"}
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_HEAD = 400
_SAVE = "save the file as UTF-8 (in Excel: CSV UTF-8), then check the letters that are not ASCII"


@dataclass(frozen=True)
class Line:
    """The values of one row.

    Attributes:
        number: Line of the file where the row ends, from 1.
        values: One text for each column.
    """

    number: int
    values: list[str]


def read_lines(source: Path) -> Iterator[Line]:
    """The rows of a CSV file that are not empty, the header first.

    UTF-8, or UTF-16 with a byte order mark; comma, semicolon or tab, whichever the first line holds
    most of; Excel's first line ``sep=;`` is obeyed; quotes as in RFC 4180.

    Raises:
        DataError: The text is in another encoding, or a quote is not closed.
    """
    text = _decoded(source)
    first, newline, rest = text.partition("\n")
    stated = _SEP_LINE.match(first)
    if stated:
        text = rest if newline else ""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=stated[1] if stated else _delimiter(text),
        strict=True,
    )
    try:
        for values in reader:
            if any(value.strip() for value in values):  # Excel writes emptied rows as ",,"
                yield Line(reader.line_num + bool(stated), values)
    except csv.Error as error:
        raise DataError(
            f"Line {reader.line_num + bool(stated)} of the CSV file cannot be read.",
            path=source,
            expected="comma, semicolon or tab between values, quotes doubled inside quotes",
            found=str(error),
            remedy="close the quote, or double it where it belongs to the value",
        ) from error


def _decoded(source: Path) -> str:
    data = source.read_bytes()
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), _unmarked(data))
    if _is_utf32(data):
        raise DataError(
            "The CSV file is in UTF-32.",
            path=source,
            expected="UTF-8, or UTF-16",
            remedy="save it as UTF-8 (in Excel: CSV UTF-8)",
        )
    if encoding is None:
        kind = next((kind for magic, kind in _WORKBOOKS.items() if data.startswith(magic)), None)
        raise DataError(
            "The CSV file is not a text file.",
            path=source,
            expected="text, one line for each image",
            found=kind or "bytes that no text holds",
            remedy="open it in the program that wrote it, and save it as CSV in UTF-8",
        )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _wrong_encoding(source, data, encoding, error) from error
    if "\0" in text:
        raise DataError(
            "The CSV file is damaged: it holds zero bytes.",
            path=source,
            expected="text, one line for each image",
            found=f"a zero byte in line {text.count(chr(10), 0, text.index(chr(0))) + 1}",
            remedy="open it in the program that wrote it, and save it again as CSV in UTF-8",
        )
    return text


def _is_utf32(data: bytes) -> bool:
    """By its mark, which begins as that of UTF-16, or by three zeros in every four bytes."""
    head = data[: _HEAD // 4 * 4]
    zeros = sorted(head[start::4].count(0) for start in range(4))
    return data.startswith(_WIDE) or (len(head) >= 8 and not zeros[0] and 4 * zeros[1] == len(head))


def _unmarked(data: bytes) -> str | None:
    """The encoding of text without a mark; None where it is not text.

    Text of mostly Latin letters has a zero in every other byte in UTF-16, and none in UTF-8.
    """
    head = data[:_HEAD]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if not even + odd:
        return "utf-8"
    few, many = sorted((even, odd))
    if few or 4 * many < len(head):
        return None
    return "utf-16-be" if even else "utf-16-le"


def _wrong_encoding(
    source: Path, data: bytes, encoding: str, error: UnicodeDecodeError
) -> DataError:
    if encoding != "utf-8":
        return DataError(
            "The CSV file cannot be read: its text is cut off or damaged.",
            path=source,
            expected=f"{encoding.upper()}, as its first bytes say",
            found=error.reason,
            remedy=_SAVE,
        )
    line = data.count(b"\n", 0, error.start) + 1
    start, end = data.rfind(b"\n", 0, error.start) + 1, data.find(b"\n", error.start)
    shown = data[start : end if end >= 0 else None].decode("cp1252", "replace").strip()
    return DataError(
        f"The CSV file cannot be read: line {line} is not UTF-8.",
        path=source,
        expected="UTF-8 text",
        found=f"the byte 0x{data[error.start]:02X}; as Windows-1252 the line reads {shown[:80]!r}",
        remedy=f"{_SAVE}; a file whose name is not UTF-8 cannot be named here: rename it, or use "
        "class folders",
    )


def _delimiter(text: str) -> str:
    """The most frequent delimiter of the first line with text; a comma where there is none."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    bare = _QUOTED.sub("", header)
    return max(_DELIMITERS, key=bare.count)
