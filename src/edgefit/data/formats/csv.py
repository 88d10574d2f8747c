"""CSV files: columns path, label and, if wanted, split, group and any others."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgefit.data.formats.rules import (
    SPLIT_NAMES,
    group_names,
    is_excluded,
    is_included,
    make_table,
    require_inside,
    unknown_label,
)
from edgefit.data.table import RESERVED_COLUMNS, Sample, SampleTable
from edgefit.errors import DataError
from edgefit.recipe import DataConfig

_KNOWN = ("path", "label", "split", "group")


@dataclass(frozen=True)
class _Row:
    line: int
    values: dict[str, str]


def read_csv_file(root: Path, config: DataConfig, needs_labels: bool = True) -> SampleTable:
    """Read a CSV file (UTF-8, byte order mark allowed, comma or semicolon, quoted as in RFC 4180).

    The first line names the columns, in any order and case: ``path`` (relative to the CSV's
    folder) and ``label``; ``split`` (train, val, valid, validation, test; in every row or in
    none); ``group`` unless ``config.group`` or ``config.group_column`` says otherwise. Files that
    do not exist stay in the table; the audit counts and lists them with the unreadable ones. If
    labels are not needed, they may be empty, or their column may be missing.

    Raises:
        DataError: With the line number: no header, a row of another length, an empty value, a
            repeated path, an unknown split or label, or a path that leads out of the folder.
    """
    source = _find_csv(root, config)
    folder = source.parent
    seen: dict[str, int] = {}
    samples = []
    needed = {"path", "label"} if needs_labels else {"path"}
    rows = list(_rows(source, needed))
    if not rows:
        raise DataError(
            "The CSV file names no images.",
            path=source,
            expected="a header line, then one line for each image",
            found="only the header line",
        )
    for row in rows:
        sample = _sample(row, source, config, needs_labels)
        if not is_included(sample.path, config) or is_excluded(sample.path, config):
            continue
        if sample.path in seen:
            raise _bad_row(source, row, f"repeats the path of line {seen[sample.path]}", "path")
        label = sample.label
        if label and config.classes is not None and label not in config.classes:
            raise unknown_label(label, config, path=source, where=f"Line {row.line}")
        seen[sample.path] = row.line
        require_inside(folder / sample.path, folder)
        samples.append(sample)
    _require_all_or_no_splits(source, samples, seen)
    if config.group is not None:
        names = group_names([s.path for s in samples], config.group)
        samples = [replace(s, group=name) for s, name in zip(samples, names, strict=True)]
    return make_table(folder, samples, config)


def _find_csv(root: Path, config: DataConfig) -> Path:
    source = root / config.csv if config.csv is not None else root
    if config.csv is not None:
        require_inside(source, root)
    if not source.is_file():
        raise DataError(
            "The CSV file does not exist.",
            path=source,
            key="data.csv",
            remedy="set data.csv to the file's name inside data.root",
        )
    return source


def _rows(source: Path, needed: set[str]) -> Iterator[_Row]:
    with source.open(encoding="utf-8-sig", newline="") as file:
        try:
            header_line = file.readline()
            file.seek(0)
            delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(reader, [])]
            header = [name.lower() if name.lower() in _KNOWN else name for name in header]
            _require_header(source, header, needed)
            for values in reader:
                if not values:
                    continue
                row = _Row(reader.line_num, dict(zip(header, values, strict=False)))
                if len(values) != len(header):
                    raise _bad_row(
                        source, row, f"has {len(values)} values, the header {len(header)}", None
                    )
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(
                "The CSV file cannot be read.",
                path=source,
                expected="UTF-8 text, comma or semicolon, quotes doubled inside quotes",
                found=str(error),
            ) from error


def _require_header(source: Path, header: list[str], needed: set[str]) -> None:
    reserved = sorted(RESERVED_COLUMNS & set(header))
    if reserved:
        raise DataError(
            "A column of the CSV file has a name that edgefit uses itself.",
            path=source,
            found=", ".join(reserved),
            remedy="give the column another name",
        )
    if not needed <= set(header) or len(set(header)) != len(header):
        raise DataError(
            "The first line of the CSV file does not name its columns.",
            path=source,
            expected="path,label and, if wanted, split,group and others, each once",
            found=",".join(header) or "an empty line",
            remedy="write the names of the columns into the first line",
        )


def _sample(row: _Row, source: Path, config: DataConfig, needs_labels: bool) -> Sample:
    path = _relative_path(row, source)
    label = row.values.get("label", "").strip()
    if not label and needs_labels:
        raise _bad_row(source, row, "has no label", "label")
    stated = row.values.get("split", "").strip()
    if stated and stated.lower() not in SPLIT_NAMES:
        known = ", ".join(SPLIT_NAMES)
        raise _bad_row(source, row, f"has the unknown split {stated!r} (known: {known})", "split")
    column = config.group_column or "group"
    if config.group_column is not None and config.group_column not in row.values:
        raise DataError(
            "The CSV file lacks the column to group by.",
            path=source,
            key="data.group_column",
            expected=config.group_column,
            found=",".join(row.values),
        )
    group = row.values.get(column, path).strip()
    if not group and config.group is None:
        raise _bad_row(source, row, "has no group", column)
    columns = {name: text for name, text in row.values.items() if name not in _KNOWN}
    return Sample(path, label or None, SPLIT_NAMES.get(stated.lower()), group, columns)


def _relative_path(row: _Row, source: Path) -> str:
    text = row.values["path"].strip()
    if not text:
        raise _bad_row(source, row, "has no path", "path")
    path = Path(text)
    if path.is_absolute():
        require_inside(path, source.parent)
        return path.resolve().relative_to(source.parent.resolve()).as_posix()
    return posixpath.normpath(path.as_posix())  # on Windows, a backslash becomes /


def _require_all_or_no_splits(source: Path, samples: list[Sample], lines: dict[str, int]) -> None:
    without = [lines[s.path] for s in samples if s.split is None]
    if without and len(without) < len(samples):
        raise DataError(
            f"{len(without)} of {len(samples)} rows state no split.",
            path=source,
            key="split",
            found=f"line {without[0]} and others" if len(without) > 1 else f"line {without[0]}",
            remedy="state the split in every row, or remove the column to have splits drawn",
        )


def _bad_row(source: Path, row: _Row, fact: str, column: str | None) -> DataError:
    found = row.values.get(column) if column else ",".join(row.values.values())
    return DataError(f"Line {row.line} {fact}.", path=source, key=column, found=found)
