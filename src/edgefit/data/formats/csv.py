"""CSV files: columns path, label and, if wanted, split, group and any others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edgefit.data.formats.classes import class_list
from edgefit.data.formats.csv_headers import described_header, header_remedy
from edgefit.data.formats.csv_paths import CsvPaths
from edgefit.data.formats.csv_text import read_lines
from edgefit.data.formats.reading import Reading
from edgefit.data.formats.rules import (
    group_names,
    is_excluded,
    is_included,
    make_table,
    require_inside,
    unknown_label,
)
from edgefit.data.formats.splits import split_of
from edgefit.data.table import RESERVED_COLUMNS, Sample
from edgefit.errors import DataError
from edgefit.names import composed
from edgefit.recipe import DataConfig
from edgefit.runtime.walking import PassedOver, Reason

_KNOWN = ("path", "label", "split", "group")


@dataclass(frozen=True)
class _Row:
    line: int
    values: dict[str, str]


def read_csv_file(root: Path, config: DataConfig, needs_labels: bool = True) -> Reading:
    """Read a CSV file; see :func:`edgefit.data.formats.csv_text.read_lines` for its text.

    The first line names the columns, in any order and case: ``path`` (relative to the CSV's
    folder; :class:`edgefit.data.formats.csv_paths.CsvPaths` says which spellings fit) and
    ``label``; ``split`` (see :func:`edgefit.data.formats.splits.split_of`; in every row or in
    none); ``group`` unless ``config.group`` or ``config.group_column`` says otherwise. Files that
    do not exist stay in the table; the audit counts and lists them with the unreadable ones. If
    labels are not needed, they may be empty, or their column may be missing.

    Raises:
        DataError: With the line number: no header, a row of another length, an empty value, a
            repeated path, an unknown split or label, or a path that leads out of the folder.
    """
    source = _find_csv(root, config)
    rows = list(_rows(source, {"path", "label"} if needs_labels else {"path"}))
    if not rows:
        raise DataError(
            "The CSV file names no images.",
            path=source,
            expected="a header line, then one line for each image",
            found="only the header line",
            remedy="add a line for each image",
        )
    paths = CsvPaths(source.parent, follow_links=config.links == "all")
    seen: dict[str, int] = {}
    samples: list[Sample] = []
    passed_over: list[PassedOver] = []
    for row in rows:
        sample = _sample(row, paths, source, config, needs_labels)
        if not is_included(sample.path, config) or is_excluded(sample.path, config):
            passed_over.append(PassedOver(sample.path, Reason.EXCLUDED))
            continue
        _require_new_and_known(row, sample, seen, source, config)
        seen[sample.path] = row.line
        samples.append(sample)
    _require_all_or_no_splits(source, samples, seen)
    if config.group is not None:
        names = group_names([s.path for s in samples], config.group)
        samples = [replace(s, group=name) for s, name in zip(samples, names, strict=True)]
    table = make_table(source.parent, samples, config, passed_over)
    return Reading(table, tuple(passed_over), tuple(paths.findings()))


def _require_new_and_known(
    row: _Row, sample: Sample, seen: dict[str, int], source: Path, config: DataConfig
) -> None:
    if sample.path in seen:
        fact = f"repeats the path of line {seen[sample.path]}"
        raise _bad_row(source, row, fact, "path", "remove one of the two lines")
    classes = class_list(config)
    if sample.label and classes is not None and sample.label not in classes:
        raise unknown_label(sample.label, config, path=source, where=f"Line {row.line}")


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
    lines = read_lines(source)
    first = next(lines, None)
    header = [name.strip() for name in first.values] if first else []
    header = [name.lower() if name.lower() in _KNOWN else name for name in header]
    _require_header(source, header, needed)
    for line in lines:
        row = _Row(line.number, dict(zip(header, line.values, strict=False)))
        if len(line.values) != len(header):
            fact = f"has {len(line.values)} values, the header {len(header)}"
            remedy = "write a value for each column, and quote values that hold the delimiter"
            raise _bad_row(source, row, fact, None, remedy)
        yield row


def _require_header(source: Path, header: Sequence[str], needed: set[str]) -> None:
    reserved = sorted(RESERVED_COLUMNS & set(header))
    if reserved:
        raise DataError(
            "A column of the CSV file has a name that edgefit uses itself.",
            path=source,
            found=", ".join(reserved),
            remedy="give the column another name",
        )
    if not needed <= set(header) or len(set(header)) != len(header):
        what = described_header(header)
        raise DataError(
            "The first line of the CSV file does not name its columns."
            if what is None
            else f"The CSV file is {what}, with other names of columns.",
            path=source,
            expected="path,label and, if wanted, split,group and others, each once",
            found=",".join(header) or "an empty line",
            remedy=header_remedy(header)
            if len(set(header)) == len(header)
            else "give each column a name of its own",
        )


def _sample(
    row: _Row, paths: CsvPaths, source: Path, config: DataConfig, needs_labels: bool
) -> Sample:
    path = _path(row, paths, source)
    label = composed(row.values.get("label", "").strip())
    if not label and needs_labels:
        remedy = "write the class, or remove the line"
        raise _bad_row(source, row, "has no label", "label", remedy)
    stated = row.values.get("split", "").strip()
    split = split_of(stated) if stated else None
    if stated and split is None:
        fact = f"has the unknown split {stated!r}"
        raise _bad_row(source, row, fact, "split", "write train, val or test")
    column = config.group_column or "group"
    if config.group_column is not None and config.group_column not in row.values:
        raise DataError(
            "The CSV file lacks the column to group by.",
            path=source,
            key="data.group_column",
            expected=config.group_column,
            found=",".join(row.values),
            remedy="set data.group_column to one of the columns",
        )
    group = row.values[column].strip() if column in row.values else group_names([path], None)[0]
    if not group and config.group is None:
        remedy = f"write what the image belongs to into the column {column}"
        raise _bad_row(source, row, "has no group", column, remedy)
    columns = {name: text for name, text in row.values.items() if name not in _KNOWN}
    return Sample(path, label or None, split, group, columns)


def _path(row: _Row, paths: CsvPaths, source: Path) -> str:
    text = row.values["path"].strip()
    if not text:
        remedy = "write the path of the image, or remove the line"
        raise _bad_row(source, row, "has no path", "path", remedy)
    try:
        return paths.find(text)
    except DataError as error:
        raise DataError(
            f"Line {row.line}: {error.message}",
            path=source,
            key="path",
            expected=error.expected,
            found=error.found if error.path is None else error.path,
            remedy=error.remedy,
        ) from None


def _require_all_or_no_splits(source: Path, samples: list[Sample], lines: dict[str, int]) -> None:
    without = [lines[s.path] for s in samples if s.split is None]
    if without and len(without) < len(samples):
        raise DataError(
            f"{len(without):,} of {len(samples):,} rows state no split.",
            path=source,
            key="split",
            found=f"line {without[0]} and others" if len(without) > 1 else f"line {without[0]}",
            remedy="state the split in every row, or remove the column to have splits drawn",
        )


def _bad_row(source: Path, row: _Row, fact: str, column: str | None, remedy: str) -> DataError:
    found = row.values.get(column) if column else ",".join(row.values.values())
    return DataError(
        f"Line {row.line} {fact}.", path=source, key=column, found=found, remedy=remedy
    )
