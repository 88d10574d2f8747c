"""What all formats share: which files are images, which are wanted, which belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from edgefit.data.table import Sample, SampleTable, examples
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.spec import LabelMap

SPLIT_NAMES = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


def is_included(path: str, config: DataConfig) -> bool:
    """Whether a relative path passes ``include``. ``*`` matches any characters, ``/`` too."""
    return not config.include or any(fnmatchcase(path, glob) for glob in config.include)


def is_excluded(path: str, config: DataConfig) -> bool:
    """Whether ``exclude`` matches a relative path."""
    return any(fnmatchcase(path, glob) for glob in config.exclude)


def group_names(paths: Sequence[str], pattern: str | None) -> list[str]:
    """Each path's group: the pattern's captured groups joined by ``/``, or its whole match.

    Without a pattern each image is its own group, named by its path.

    Raises:
        DataError: Paths that the pattern does not match.
    """
    if pattern is None:
        return list(paths)
    expression = re.compile(pattern)
    names, unmatched = [], []
    for path in paths:
        match = expression.search(path)
        if match is None:
            unmatched.append(path)
            continue
        captured = [part for part in match.groups() if part is not None]
        names.append("/".join(captured) if captured else match.group(0))
    if unmatched:
        raise DataError(
            f"{len(unmatched)} of {len(paths)} paths do not match the group pattern.",
            key="data.group",
            expected=pattern,
            found=examples(unmatched),
            remedy="widen the pattern, or leave these images out with data.exclude",
        )
    return names


def require_inside(path: Path, root: Path) -> None:
    """Check that a file, its symbolic links followed, lies inside the root.

    Raises:
        DataError: It does not.
    """
    resolved = path.resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise DataError(
            "A path leads out of the data set's folder.",
            path=path,
            expected=f"a file inside {root}",
            found=resolved,
            remedy="copy the file into the folder, or give a root that holds all files",
        )


def make_table(root: Path, samples: Iterable[Sample], config: DataConfig) -> SampleTable:
    """Freeze the class list and sort the samples by path.

    Raises:
        DataError: No images, or a class of ``config.classes`` has none.
    """
    ordered = tuple(sorted(samples, key=lambda s: s.path))
    if not ordered:
        wanted = f"include={config.include} exclude={config.exclude}"
        raise DataError(
            "The data set holds no images.",
            path=root,
            expected=f"files ending in {' '.join(sorted(IMAGE_SUFFIXES))}",
            found=wanted if config.include or config.exclude else None,
            remedy="check the path" + (" and the globs" if config.include else ""),
        )
    present = {s.label for s in ordered if s.label is not None}
    names = tuple(config.classes) if config.classes is not None else tuple(sorted(present))
    labels = LabelMap(names)
    empty = [name for name in names if name not in present]
    if empty:
        raise empty_class(root, empty)
    return SampleTable(root, ordered, labels)


def empty_class(root: Path, names: Sequence[str]) -> DataError:
    """The error for classes without a single image."""
    return DataError(
        f"{'A class has' if len(names) == 1 else 'Classes have'} no images.",
        path=root,
        found=examples(names),
        remedy="add images, or leave the class out (data.classes, or data.exclude for its folder)",
    )


def unknown_label(label: str, config: DataConfig, *, path: Path, where: str) -> DataError:
    """The error for a label that ``config.classes`` does not list."""
    return DataError(
        f"{where} has a label that is not in the class list.",
        path=path,
        key="data.classes",
        expected=config.classes,
        found=label,
        remedy="add the label to data.classes, or leave its images out with data.exclude",
    )
