"""Folders of images: ``class/...``, or ``train|val|test/class/...``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from edgefit.data.formats.rules import (
    SPLIT_NAMES,
    empty_class,
    group_names,
    is_excluded,
    is_included,
    make_table,
    require_inside,
    unknown_label,
)
from edgefit.data.table import Sample, SampleTable, examples
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.runtime.images.decode import IMAGE_SUFFIXES


def read_folder(root: Path, config: DataConfig, needs_labels: bool = True) -> SampleTable:
    """Read a folder whose subfolders are the classes; images may lie deeper inside them.

    If every top folder is named train, val, valid, validation or test (any case), and one is train,
    these folders are the splits and the classes lie one level deeper. Hidden files and folders
    (``.name``) are skipped. Classes are sorted by name unless ``config.classes`` orders them. If
    labels are not needed, images outside class folders get none.

    Raises:
        DataError: No folder, images outside class folders, an empty class folder, a class that is
            not in ``config.classes``, a link that leads out, or a group pattern that does not fit.
    """
    if not root.is_dir():
        raise DataError(
            "The data set is not a folder.",
            path=root,
            key="data.root",
            expected="a folder with one subfolder of images per class, or a .csv file",
            remedy="give the folder above the class folders with --data",
        )
    if config.group_column is not None:
        raise DataError(
            "Folders have no columns to group by.",
            path=root,
            key="data.group_column",
            remedy="use data.group (a regular expression on the path), or a CSV file",
        )
    tops = [path.name for path in root.iterdir() if path.is_dir() and path.name[0] != "."]
    depth = 1 if _are_splits(tops) else 0
    every_image = [path for path in sorted(_walk(root)) if is_included(path, config)]
    paths = [path for path in every_image if not is_excluded(path, config)]
    if needs_labels:
        _require_class_folder(root, paths, depth)
    if config.classes is None:
        _require_no_empty_class(root, every_image, depth)
    samples = []
    for path, group in zip(paths, group_names(paths, config.group), strict=True):
        parts = path.split("/")
        label = parts[depth] if len(parts) > depth + 1 else None
        if label and config.classes is not None and label not in config.classes:
            where = f"The folder {'/'.join(parts[: depth + 1])!r}"
            raise unknown_label(label, config, path=root, where=where)
        split = SPLIT_NAMES[parts[0].lower()] if depth else None
        samples.append(Sample(path, label, split, group))
    return make_table(root, samples, config)


def _are_splits(tops: list[str]) -> bool:
    lowered = {name.lower() for name in tops}
    return "train" in lowered and lowered <= SPLIT_NAMES.keys()


def _walk(root: Path, prefix: str = "") -> Iterator[str]:
    """Relative POSIX paths of all image files below ``root``, in no particular order."""
    with os.scandir(root / prefix) as scan:
        entries = list(scan)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            require_inside(Path(entry.path), root)
        if entry.is_dir():
            if entry.is_symlink():
                raise DataError(
                    "A folder in the data set is a symbolic link.",
                    path=entry.path,
                    remedy="its images would count twice: remove the link or copy the folder",
                )
            yield from _walk(root, f"{prefix}{entry.name}/")
        elif PurePath(entry.name).suffix.lower() in IMAGE_SUFFIXES:
            yield prefix + entry.name


def _require_class_folder(root: Path, paths: list[str], depth: int) -> None:
    loose = [path for path in paths if path.count("/") <= depth]
    if loose:
        raise DataError(
            f"{len(loose)} images lie outside class folders.",
            path=root,
            expected="split/class/image" if depth else "class/image",
            found=examples(loose),
            remedy="move them into a class folder, or leave them out with data.exclude",
        )


def _require_no_empty_class(root: Path, images: list[str], depth: int) -> None:
    """``images`` includes those of excluded classes, so only truly empty folders are refused."""
    pattern = "/".join(["*"] * (depth + 1))
    folders = [folder.relative_to(root).parts for folder in root.glob(pattern) if folder.is_dir()]
    classes = {parts[-1] for parts in folders if not any(p.startswith(".") for p in parts)}
    empty = sorted(classes - {path.split("/")[depth] for path in images})
    if empty and images:
        raise empty_class(root, empty)
