"""Folders of images: ``class/...``, ``train/class/...``, or ``class/train/...``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from edgefit.data.formats.class_folders import find_class_folders
from edgefit.data.formats.classes import class_list, name_findings
from edgefit.data.formats.foreign import recognise, recognise_file, require_not_foreign
from edgefit.data.formats.layout import CLASSES, Layout, find_layout, leave_out
from edgefit.data.formats.reading import Reading
from edgefit.data.formats.rules import (
    group_names,
    is_excluded,
    is_included,
    make_table,
    unknown_label,
)
from edgefit.data.formats.splits import split_of
from edgefit.data.passed_over import find_passed_over
from edgefit.data.table import Sample, examples
from edgefit.errors import DataError
from edgefit.names import composed, printable
from edgefit.recipe import DataConfig
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.walking import PassedOver, Reason, Walk, suffix_of, walk
from edgefit.shell import shell_line
from edgefit.spec import Links
from edgefit.wording import agreeing, counted, plural

_SIBLINGS = 200
_ARCHIVES = frozenset([".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2", ".7z", ".rar"])


def read_folder(root: Path, config: DataConfig, needs_labels: bool = True) -> Reading:
    """Read a folder whose subfolders are the classes; images may lie deeper inside them.

    Folders that are named for splits in any common form (see
    :func:`edgefit.data.formats.splits.split_of`) are read as such, above or below the class
    folders. ``config.layout`` decides where names leave it open. Labels are in Unicode's composed
    form. Classes are sorted by name unless ``config.classes`` orders them. If labels are not
    needed, images outside class folders get none.

    Returns:
        The table, what :func:`edgefit.runtime.walking.walk` and the globs leave out, and findings.

    Raises:
        DataError: No folder, a layout that can be read in several ways or is another format,
            images outside class folders, a class without a readable image, twin class names, a
            class that is not in ``config.classes``, or a group pattern that does not fit.
    """
    _require_folder(root, config)
    found = _chosen(walk(root, links=Links(config.links)), config)
    paths = found.files
    layout = _layout_of(root, found, config, needs_labels)
    findings = find_class_folders(root, found, layout, config) if needs_labels else ()
    groups = group_names(paths, config.group)
    classes = class_list(config)
    samples = []
    for path, group in zip(paths, groups, strict=True):
        parts = path.split("/")
        inside = len(parts) > layout.folders
        label = composed(parts[layout.class_at]) if inside else None
        if label is not None and classes is not None and label not in classes:
            where = f"The folder {printable('/'.join(parts[: layout.folders]))!r}"
            raise unknown_label(label, config, path=root, where=where)
        stated = None if layout.split_at is None else split_of(parts[layout.split_at])
        samples.append(Sample(path, label, stated, group))
    table = make_table(root, samples, config, found.passed_over)
    if needs_labels and layout.split_at is not None:
        _require_trained_classes(root, samples)
    return Reading(
        table,
        found.passed_over,
        (
            *name_findings(_class_names(paths, layout)),
            *find_passed_over(found.passed_over, len(paths)),
            *findings,
        ),
    )


def _layout_of(root: Path, found: Walk, config: DataConfig, needs_labels: bool) -> Layout:
    """Where classes and splits are; another format is an error that names it."""
    if config.layout == "auto":
        require_not_foreign(root, found)
    try:
        layout = find_layout(root, found.files, config, needs_labels)
        if needs_labels:
            _require_class_folder(root, found, layout)
    except DataError as error:
        if foreign := recognise(root, found, error.message):
            raise foreign from error
        raise
    if needs_labels and len(set(_class_names(found.files, layout))) < 2:
        require_not_foreign(root, found, is_single=True)
    return layout


def _require_folder(root: Path, config: DataConfig) -> None:
    if not root.is_dir():
        raise recognise_file(root) or DataError(
            "The data set is not a folder.",
            path=root,
            key="data.root",
            expected="a folder with one subfolder of images per class, or a .csv file",
            remedy="unpack it, and give the folder above the class folders with --data"
            if suffix_of(root.name) in _ARCHIVES
            else "give the folder above the class folders with --data",
        )
    if config.group_column is not None:
        raise DataError(
            "Folders have no columns to group by.",
            path=root,
            key="data.group_column",
            remedy="use data.group (a regular expression on the path), or a CSV file",
        )


def _chosen(found: Walk, config: DataConfig) -> Walk:
    """The walk with the images that the recipe leaves out among the entries passed over."""
    wanted = [p for p in found.files if is_included(p, config) and not is_excluded(p, config)]
    left_out = [PassedOver(path, Reason.EXCLUDED) for path in set(found.files) - set(wanted)]
    others = (_unless_excluded(entry, config) for entry in found.passed_over)
    passed_over = sorted((*others, *left_out), key=lambda entry: entry.path)
    return Walk(tuple(wanted), tuple(passed_over), found.folders)


def _unless_excluded(entry: PassedOver, config: DataConfig) -> PassedOver:
    if entry.reason in (Reason.HIDDEN, Reason.SYSTEM):
        return entry
    # a link to a folder, or a locked one, is left out by the pattern for what is inside
    inside = (entry.path, f"{entry.path}/")
    is_left_out = any(is_excluded(path, config) for path in inside)
    return PassedOver(entry.path, Reason.EXCLUDED) if is_left_out else entry


def _class_names(paths: Sequence[str], layout: Layout) -> Iterator[str]:
    parts = (path.split("/") for path in paths)
    return (folders[layout.class_at] for folders in parts if len(folders) > layout.folders)


def _require_class_folder(root: Path, found: Walk, layout: Layout) -> None:
    loose = [path for path in found.files if path.count("/") < layout.folders]
    if not loose:
        return
    parent = root.resolve().parent
    is_class = layout == CLASSES and len(loose) == len(found.files) and _is_class(root, found)
    raise DataError(
        f"{counted(len(loose), 'image', 'lie')} outside class folders."
        + (" This folder looks like one of the class folders." if is_class else ""),
        path=root,
        expected=layout.form,
        found=examples(loose),
        remedy=f"give the folder above: {shell_line('--data', parent)}"
        if is_class
        else _remedy_for_loose(loose, found.files),
    )


def _remedy_for_loose(loose: Sequence[str], paths: Sequence[str]) -> str:
    in_csv = "or list the images and their classes in a CSV file (columns path,label)"
    tops = sorted({path.split("/")[0] for path in loose if "/" in path})
    if len(loose) < len(paths):
        return f"move them into a class folder, {_without(loose, paths)}, {in_csv}"
    if tops:
        holders = f"{examples(tops)} {agreeing(len(tops), 'hold')} no class folders"
        return f"{holders}: make a folder for each class inside, {in_csv}"
    return f"move them into class folders, {in_csv}"


def _without(loose: Sequence[str], paths: Sequence[str]) -> str:
    """How to leave loose images out: by their folders, where these hold nothing else."""
    tops = {path.split("/")[0] for path in loose}
    kept = {path.split("/")[0] for path in set(paths).difference(loose)}
    splits = {split_of(top) for top in tops}
    if all("/" in path for path in loose) and not tops & kept and "train" not in splits:
        return leave_out(sorted(tops))
    return "leave them out with data.exclude"


def _is_class(root: Path, found: Walk) -> bool:
    """Whether a folder of bare images looks like a class: most folders beside it are alike."""
    real = root.resolve()
    if sum("/" not in folder for folder in found.folders) > 1 or split_of(real.name):
        return False
    alike = [_holds_images(beside) for beside in _beside(root)]
    return 2 * sum(alike) > len(alike)


def _beside(root: Path) -> Iterator[Path]:
    """Some of the folders beside the root."""
    real = root.resolve()
    try:
        with os.scandir(real.parent) as scan:
            entries = [e for e in islice(scan, _SIBLINGS) if e.is_dir(follow_symlinks=False)]
    except OSError:
        return iter(())
    return (
        Path(entry.path)
        for entry in entries
        if entry.name != real.name and not entry.name.startswith(".")
    )


def _holds_images(folder: Path) -> bool:
    try:
        with os.scandir(folder) as scan:
            return any(suffix_of(entry.name) in IMAGE_SUFFIXES for entry in islice(scan, 50))
    except OSError:
        return False


def _require_trained_classes(root: Path, samples: Sequence[Sample]) -> None:
    """Refuse classes that only val or test hold, as data sets for anomaly detection do."""
    trained = {s.label for s in samples if s.split == "train"}
    unseen = sorted({s.label for s in samples if s.label is not None} - trained)
    if unseen and trained:
        holders = sorted({s.split for s in samples if s.label in unseen and s.split})
        splits = f"the {' and '.join(holders)} {plural(len(holders), 'split')}"
        raise DataError(
            f"{'A class is' if len(unseen) == 1 else 'Classes are'} missing from the training "
            "images: the network cannot learn what it never sees.",
            path=root,
            expected="every class among the training images",
            found=f"only in {splits}: {examples(unseen)}",
            remedy="move some of their images into the training folder, or list all images in a "
            "CSV file without the column split, to have splits drawn",
        )
