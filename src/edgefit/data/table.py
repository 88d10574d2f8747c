"""One table of samples: what every format becomes and every later stage reads."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import DataError
from edgefit.spec import LabelMap

SPLITS = ("train", "val", "test")
_FIXED_COLUMNS = ("path", "label", "split", "group")
_EXAMPLES = 5


@dataclass(frozen=True)
class Sample:
    """One labelled image.

    Attributes:
        path: File, POSIX form, relative to the table's root.
        label: Class name.
        split: ``train``, ``val``, ``test``, or None before splits are drawn.
        group: Name of the images that must not be split apart from this one.
        columns: Further columns of a CSV file, as text.
    """

    path: str
    label: str
    split: str | None = None
    group: str = ""
    columns: dict[str, str] = field(default_factory=dict, hash=False)


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
        """Position of each sample's class in the label map, ``int64`` (N,)."""
        index = {name: i for i, name in enumerate(self.labels.names)}
        return np.array([index[s.label] for s in self.samples], dtype=np.int64)

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
            return np.array([s.label for s in self.samples])
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
        """Images per split and class: ``{split: {class: images}}``; undrawn is ``unassigned``."""
        tally = Counter((s.split or "unassigned", s.label) for s in self.samples)
        present = {split for split, _ in tally}
        return {
            split: {name: tally[split, name] for name in self.labels.names}
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
            facts = (sample.path, sample.label, sample.split, sample.group, self._size(sample))
            digest.update(repr(facts).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _size(self, sample: Sample) -> int:
        try:
            return self.absolute(sample).stat().st_size
        except FileNotFoundError:
            return -1

    def write_csv(self, target: Path) -> None:
        """Write path, label, split, group and the further columns as UTF-8 CSV, atomically."""
        extra = sorted({name for s in self.samples for name in s.columns})
        temporary = target.with_name(target.name + ".part")
        with temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*_FIXED_COLUMNS, *extra])
            for s in self.samples:
                further = (s.columns.get(name, "") for name in extra)
                writer.writerow([s.path, s.label, s.split or "", s.group, *further])
        temporary.replace(target)

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
        if not source.is_file():
            raise DataError("The table of samples does not exist.", path=source)
        with source.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = list(csv.reader(file))
        header = rows[0] if rows else []
        if tuple(header[:4]) != _FIXED_COLUMNS:
            raise DataError(
                "This is no table of samples.",
                path=source,
                expected=",".join(_FIXED_COLUMNS),
                found=",".join(header),
                remedy="run `edgefit check` again",
            )
        samples = []
        for number, row in enumerate(rows[1:], start=2):
            if len(row) != len(header) or row[1] not in labels.names or row[2] not in (*SPLITS, ""):
                raise DataError(
                    f"Row {number} of the table of samples is damaged.",
                    path=source,
                    found=row,
                    remedy="run `edgefit check` again",
                )
            columns = {k: v for k, v in zip(header[4:], row[4:], strict=True) if v}
            samples.append(Sample(row[0], row[1], row[2] or None, row[3], columns))
        return cls(root, tuple(samples), labels)


def examples(names: Sequence[str]) -> str:
    """The first few names and how many more there are, for messages."""
    shown = ", ".join(names[:_EXAMPLES])
    rest = len(names) - _EXAMPLES
    return f"{shown} and {rest} more" if rest > 0 else shown
