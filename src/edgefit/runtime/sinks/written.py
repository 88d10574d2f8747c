"""The records that a file holds already, read back one after the other.

A process that is killed, a full disk or a power cut may leave a record cut off at the end of the
file: it is not given. A line elsewhere that is not a record is an error: the file is not ours.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from edgefit.errors import InputError
from edgefit.runtime.answers import Origin

JSON_BEGINS = b'{"index": '
"""How each line of JSON begins."""
CSV_BEGINS = b"index,name,time_s,"
"""How the header of a CSV file begins."""


@dataclass(frozen=True)
class Written:
    """What a record says of its frame.

    Attributes:
        index: Position in the source.
        name: The frame's name, printable.
        source: The source's name, where there are several.
        region: Name of the part of the frame; None for the whole frame.
        origin: What answered; None where the record does not say.
        is_error: Whether the frame has no prediction.
        end: Where the record ends in the file, in bytes.
    """

    index: int
    name: str
    source: str
    region: str | None
    origin: Origin | None
    is_error: bool
    end: int


def json_lines(path: Path) -> Iterator[Written]:
    """The records of a file of JSON lines.

    Raises:
        InputError: The file cannot be read, or holds something else.
    """
    end = 0
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            end += len(line)
            try:
                record = _of_line(line, end) if line.endswith(b"\n") else None
            except (ValueError, RecursionError):
                record = None
            except (TypeError, KeyError) as error:  # whole, but not ours
                raise _no_record(path, f"line {number}") from error
            if record is not None:
                yield record
            elif file.read(1) or not (number > 1 or _begins(line, JSON_BEGINS)):
                raise _no_record(path, f"line {number}")
            else:
                return


def csv_rows(path: Path, header: Sequence[str]) -> Iterator[Written]:
    """The records of a CSV file.

    Args:
        path: The file.
        header: The columns that it must have.

    Raises:
        InputError: The file cannot be read, has other columns, or holds something else.
    """
    with _opened(path) as file:
        first = file.readline()
        if first != csv_line(header).encode():
            if first.endswith(b"\n") or not _begins(first, csv_line(header).encode()):
                raise _other_columns(path, first, header)
            return
        lines = _Lines(file, len(first))
        rows = csv.reader(lines, strict=True)
        while True:
            begin = lines.end
            try:
                row = dict(zip(header, next(rows), strict=True))
                record = _of_row(row, lines.end) if lines.last.endswith(b"\n") else None
            except StopIteration:
                return
            except (csv.Error, ValueError):
                record = None
            if record is not None:
                yield record
            elif file.read(1):
                raise _no_record(path, f"the row at byte {begin}")
            else:
                return


def csv_line(cells: Sequence[str]) -> str:
    r"""One row, quoted as RFC 4180 asks; the writer of Python 3.11 leaves ``\r`` unquoted."""
    text = io.StringIO()
    has_return = any("\r" in cell for cell in cells)
    quoting: Literal[0, 1] = csv.QUOTE_ALL if has_return else csv.QUOTE_MINIMAL
    csv.writer(text, lineterminator="\n", quoting=quoting).writerow(cells)
    return text.getvalue()


class _Lines(Iterator[str]):
    """The lines of a file, for a reader of CSV that takes as many as a row has."""

    def __init__(self, file: BinaryIO, end: int) -> None:
        self._file, self.end, self.last = file, end, b""

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        self.end += len(line)
        self.last = line
        return line.decode()


def _of_line(line: bytes, end: int) -> Written:
    facts = json.loads(line)
    if not isinstance(facts, dict):
        raise TypeError(type(facts))
    region, bundle = facts.get("region"), facts.get("bundle")
    return Written(
        int(facts["index"]),
        str(facts["name"]),
        str(facts.get("source", "")),
        None if region is None else str(region["name"]),
        None if bundle is None else Origin(str(bundle), str(facts["variant"])),
        facts["error"] is not None,
        end,
    )


def _of_row(row: dict[str, str], end: int) -> Written:
    return Written(
        int(row["index"]),
        row["name"],
        row["source"],
        row["region"] or None,
        Origin(row["bundle"], row["variant"]) if row["bundle"] else None,
        bool(row["error"]),
        end,
    )


def _begins(rest: bytes, beginning: bytes) -> bool:
    """Whether a file of one piece is the beginning of ours; blocks never written read as zeros."""
    return rest.startswith(beginning) or beginning.startswith(rest.rstrip(b"\0"))


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(
            "The earlier results cannot be read.",
            path=path,
            found=error.strerror,
            remedy="correct its rights, or write to another file",
        ) from error


def _no_record(path: Path, where: str) -> InputError:
    return InputError(
        "The file cannot be continued: it does not only hold predictions.",
        path=path,
        expected="a file that `edgefit predict` wrote, in the same format",
        found=f"{where} is not a record",
        remedy="remove what is not a record, or write to another file; nothing was changed",
    )


def _other_columns(path: Path, first: bytes, header: Sequence[str]) -> InputError:
    found = next(csv.reader([first.decode(errors="replace")]), [])
    missing = [name for name in header if name not in found]
    more = [name for name in found if name not in header]
    says = [f"without {', '.join(missing)}"] if missing else []
    says += [f"with {', '.join(more)}"] if more else []
    return InputError(
        "The CSV file cannot be continued: its columns are others.",
        path=path,
        expected=",".join(header),
        found=" and ".join(says) or "the same columns in another order",
        remedy="use the bundle, options and version that wrote it, or write to another file; "
        "nothing was changed",
    )
