"""One table of samples: what every format becomes and every later stage reads."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit.atomic import written_whole
from edgefit.errors import DataError
from edgefit.shell import shell_line
from edgefit.spec import LabelMap

SPLITS = ("train", "val", "test")
_FIXED_COLUMNS = ("path", "label", "split", "group")
_EXAMPLES = 5
UNLABELLED = "unlabelled"
"""Counts of images list those without a class under this name."""


@dataclass(frozen=True)
class Box:
    """An object in an image.

    Attributes:
        label: Class name.
        left: Pixels from the left edge of the image as the file holds it.
        top: Pixels from its top edge.
        right: Pixels from its left edge; exclusive.
        bottom: Pixels from its top edge; exclusive.
    """

    label: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Sample:
    """One image and what the data set says of it.

    Attributes:
        path: File, POSIX form, relative to the table's root.
        label: Class name; None where the data set states none.
        split: ``train``, ``val``, ``test``, or None before splits are drawn.
        group: Name that this image shares with those that must stay in the same split.
        columns: Further columns of a CSV file, as text.
        boxes: The objects in the image; None where the data set does not mark them.
        mask: Image file that marks the class or defect of each pixel, relative to the table's
            root; None without one.
    """

    path: str
    label: str | None
    split: str | None = None
    group: str = ""
    columns: dict[str, str] = field(default_factory=dict, hash=False)
    boxes: tuple[Box, ...] | None = None
    mask: str | None = None


@dataclass(frozen=True)
class SampleTable:
    """All samples of a data set, in the order of their paths.

    Attributes:
        root: Folder that the samples' paths are relative to.
        samples: One entry an image.
        labels: Class names in the order of the network's outputs.
    """

    root: Path
    samples: tuple[Sample, ...]
    labels: LabelMap

    def __len__(self) -> int:
        return len(self.samples)

    def of(self, split: str) -> SampleTable:
        """The samples of one split, same root and labels."""
        if split not in SPLITS:
            raise DataError("No such split.", expected=list(SPLITS), found=split)
        return self.with_samples(s for s in self.samples if s.split == split)

    def with_samples(self, samples: Iterable[Sample]) -> SampleTable:
        """A table of other samples with the same root and labels."""
        return replace(self, samples=tuple(samples))

    def absolute(self, sample: Sample) -> Path:
        """Where a sample's file is."""
        return self.root / sample.path

    def targets_N(self) -> NDArray[np.int64]:
        """Position of each sample's class in the label map, ``int64`` (N,).

        Raises:
            DataError: A sample has no label.
        """
        index = {name: i for i, name in enumerate(self.labels.names)}
        bare = [s.path for s in self.samples if s.label is None]
        if bare:
            raise DataError("Images without a label have no class.", found=examples(bare))
        return np.array(
            [index[s.label] for s in self.samples if s.label is not None], dtype=np.int64
        )

    def groups_N(self) -> NDArray[np.str_]:
        """Each sample's group name, unicode (N,)."""
        return np.array([s.group for s in self.samples], dtype=np.str_)

    def column_N(self, name: str) -> NDArray[np.str_]:
        """A column's value for each sample, unicode (N,); ``group`` and ``label`` always exist.

        Raises:
            DataError: No sample has this column.
        """
        if name == "group":
            return self.groups_N()
        if name == "label":
            return np.array([s.label or "" for s in self.samples])
        known = {column for s in self.samples for column in s.columns}
        if name not in known:
            raise DataError(
                "The data have no such column.",
                key="evaluate.by",
                expected=sorted(known | {"group", "label"}),
                found=name,
                remedy="correct evaluate.by in the recipe, or add the column to the CSV file",
            )
        return np.array([s.columns.get(name, "") for s in self.samples])

    def counts(self) -> dict[str, dict[str, int]]:
        """Images per split and class: ``{split: {class: images}}``.

        Images without a split count under ``unassigned``, those without a label under
        ``unlabelled``.
        """
        tally = Counter((s.split or "unassigned", s.label or UNLABELLED) for s in self.samples)
        present = {split for split, _ in tally}
        bare = [UNLABELLED] if any(s.label is None for s in self.samples) else []
        return {
            split: {name: tally[split, name] for name in [*self.labels.names, *bare]}
            for split in (*SPLITS, "unassigned")
            if split in present
        }

    def group_counts(self) -> dict[str, dict[str, int]]:
        """Groups per split and class, in the form of :meth:`counts`."""
        once = {(s.split, s.label, s.group): s for s in self.samples}
        return self.with_samples(once.values()).counts()

    def fingerprint(self) -> str:
        """SHA-256 over every sample's path, label, split, group and file size, sorted by path.

        A missing file counts as size -1, so that its later arrival changes the fingerprint.
        """
        digest = hashlib.sha256(self.labels.sha256.encode())
        for sample in sorted(self.samples, key=lambda s: s.path):
            size = self._size(sample.path)
            facts: list[object] = [sample.path, sample.label, sample.split, sample.group, size]
            if sample.boxes is not None or sample.mask is not None:
                size = self._size(sample.mask) if sample.mask else -1
                facts += [sample.boxes, sample.mask, size]
            digest.update(repr(tuple(facts)).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _size(self, path: str) -> int:
        try:
            return (self.root / path).stat().st_size
        except FileNotFoundError:
            return -1

    def write_csv(self, target: Path) -> None:
        """Write path, label, split, group and the further columns as UTF-8 CSV, atomically.

        Boxes (as JSON) and masks get columns only if a sample has them.
        """
        extra = sorted({name for s in self.samples for name in s.columns})
        marks = [name for name, column in _MARKS.items() if any(map(column, self.samples))]
        with (
            written_whole(target) as part,
            part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*_FIXED_COLUMNS, *marks, *extra])
            for s in self.samples:
                further = (s.columns.get(name, "") for name in extra)
                marked = (_MARKS[name](s) for name in marks)
                fixed = (s.path, s.label or "", s.split or "", s.group)
                writer.writerow([*fixed, *marked, *further])

    @classmethod
    def read_csv(cls, source: Path, *, root: Path, labels: LabelMap) -> SampleTable:
        """Read what :meth:`write_csv` wrote.

        Args:
            source: The CSV file.
            root: Folder that the paths in it are relative to.
            labels: The class list frozen with the table.

        Raises:
            DataError: The file is missing, damaged, or names a class that is not in ``labels``.
        """
        again = shell_line("edgefit", "check", source.parent.parent)  # it is RUN/check/samples.csv
        if not source.is_file():
            raise DataError(
                "The table of samples does not exist.", path=source, remedy=f"run `{again}` again"
            )
        with source.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = list(csv.reader(file))
        header = rows[0] if rows else []
        if tuple(header[:4]) != _FIXED_COLUMNS:
            raise DataError(
                "This file is not a table of samples.",
                path=source,
                expected=",".join(_FIXED_COLUMNS),
                found=",".join(header),
                remedy=f"run `{again}` again",
            )
        samples = []
        for number, row in enumerate(rows[1:], start=2):
            try:
                samples.append(_read_row(header, row, labels))
            except ValueError:
                raise DataError(
                    f"Row {number} of the table of samples is damaged.",
                    path=source,
                    found=row,
                    remedy=f"run `{again}` again",
                ) from None
        return cls(root, tuple(samples), labels)


_MARKS: dict[str, Callable[[Sample], str]] = {
    "@boxes": lambda s: "" if s.boxes is None else json.dumps([astuple(box) for box in s.boxes]),
    "@mask": lambda s: s.mask or "",
}
"""Columns for boxes and masks, and their text for a sample.

The text is empty for a sample without boxes or without a mask."""
RESERVED_COLUMNS = frozenset(_MARKS)
"""Names that a data set's own columns must not have."""


def _read_row(header: Sequence[str], row: Sequence[str], labels: LabelMap) -> Sample:
    """Read one row of :meth:`SampleTable.write_csv`; raises ValueError if it is damaged."""
    further = dict(zip(header, row, strict=True))
    path, label, split, group = (further.pop(name) for name in _FIXED_COLUMNS)
    if label not in (*labels.names, "") or split not in (*SPLITS, ""):
        raise ValueError(label)
    marked, mask = further.pop("@boxes", ""), further.pop("@mask", "")
    boxes = tuple(Box(*box) for box in json.loads(marked)) if marked else None
    columns = {name: text for name, text in further.items() if text}
    return Sample(path, label or None, split or None, group, columns, boxes, mask or None)


def examples(names: Sequence[str]) -> str:
    """The first few names and how many more there are, for messages."""
    shown = ", ".join(names[:_EXAMPLES])
    rest = len(names) - _EXAMPLES
    return f"{shown} and {rest} more" if rest > 0 else shown
