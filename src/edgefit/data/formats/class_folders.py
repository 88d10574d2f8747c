"""Class folders in which no image is read: an empty one is a finding, any other an error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from edgefit.data.formats.classes import class_list
from edgefit.data.formats.layout import Layout
from edgefit.data.formats.splits import split_of
from edgefit.data.passed_over import is_missed, remedy_for
from edgefit.data.table import examples
from edgefit.errors import DataError
from edgefit.names import composed
from edgefit.recipe import DataConfig
from edgefit.records.check import Finding
from edgefit.runtime.walking import PassedOver, Reason, Walk, counts_of, described


def find_class_folders(
    root: Path, found: Walk, layout: Layout, config: DataConfig
) -> tuple[Finding, ...]:
    """What should be known about class folders in which no image is read.

    Args:
        root: The folder of the data set.
        found: Its images and everything else; images that the recipe leaves out are passed over.
        layout: Where the class folders are.
        config: ``classes`` limits the folders that count.

    Raises:
        DataError: A class folder holds images, but none that is read, such as links that lead out
            or formats that are not decoded.
    """
    below = _entries_by_folder(root, found, layout)
    full = {_folder(path, layout) for path in found.files}
    bare = {folder: entries for folder, entries in below.items() if folder not in full}
    bare |= _bare_splits(found, layout)
    classes = class_list(config)
    lost = {
        folder: missed
        for folder, entries in bare.items()
        if (missed := [entry for entry in entries if is_missed(entry)])
        and (classes is None or _label(folder, layout) in (*classes, None))
    }
    if lost and found.files:
        raise _lost_classes(root, lost)
    empty = sorted(
        folder
        for folder, entries in bare.items()
        if folder not in lost and not any(e.reason is Reason.EXCLUDED for e in entries)
    )
    return tuple(_empty(empty, layout))


def _empty(folders: list[str], layout: Layout) -> Iterator[Finding]:
    splits = [folder for folder in folders if _label(folder, layout) is None]
    classes = [folder for folder in folders if folder not in splits]
    if splits:
        message = (
            f"Folders of splits hold no images: {examples(splits)}. Their images are drawn from "
            "those of train."
        )
        yield Finding(level="warning", code="empty-splits", message=message)
    if classes:
        one = len(classes) == 1
        message = (
            f"{'A folder holds' if one else 'Folders hold'} no images and "
            f"{'is not a class' if one else 'are not classes'}: {examples(classes)}."
        )
        yield Finding(level="info", code="empty-folders", message=message)


def _bare_splits(found: Walk, layout: Layout) -> dict[str, list[PassedOver]]:
    """What is passed over in top folders that are named for splits and hold no image."""
    if layout.split_at != 0:
        return {}
    full = {path.split("/")[0] for path in found.files}
    names = [f for f in found.folders if "/" not in f and split_of(f) and f not in full]
    return {
        name: [entry for entry in found.passed_over if entry.path.startswith(f"{name}/")]
        for name in names
    }


def _entries_by_folder(root: Path, found: Walk, layout: Layout) -> dict[str, list[PassedOver]]:
    """What is passed over in each folder at the place of a class folder."""
    below: dict[str, list[PassedOver]] = defaultdict(list)
    for folder in found.folders:
        if folder.count("/") == layout.folders - 1 and _has_split(folder, layout):
            below[folder] = []
    for entry in found.passed_over:
        folder = _folder(entry.path, layout)
        if folder in below or (
            # a class folder that is itself a link, or locked
            folder == entry.path
            and entry.reason in (Reason.LINK_OUT, Reason.LINK_BROKEN, Reason.LOCKED)
            and entry.path.count("/") == layout.folders - 1
            and _has_split(folder, layout)
            and _is_folder(root / entry.path, entry.reason)
        ):
            below[folder].append(entry)
    return below


def _is_folder(path: Path, reason: Reason) -> bool:
    try:
        return reason is Reason.LOCKED or path.is_dir()
    except OSError:
        return False


def _folder(path: str, layout: Layout) -> str:
    return "/".join(path.split("/")[: layout.folders])


def _label(folder: str, layout: Layout) -> str | None:
    """The class of a class folder; None for the folder of a split."""
    parts = folder.split("/")
    return composed(parts[layout.class_at]) if len(parts) == layout.folders else None


def _has_split(folder: str, layout: Layout) -> bool:
    return layout.split_at is None or bool(split_of(folder.split("/")[layout.split_at]))


def _lost_classes(root: Path, lost: dict[str, list[PassedOver]]) -> DataError:
    entries = [entry for folder in lost.values() for entry in folder]
    named = [
        f"{folder} ({described(counts_of(inside))})" for folder, inside in sorted(lost.items())
    ]
    return DataError(
        f"{'A class folder holds' if len(lost) == 1 else 'Class folders hold'} no image that is "
        "read, and the class would be lost.",
        path=root,
        found=examples(named),
        remedy=f"{remedy_for(entries) or 'add images'}; or leave the folder out with data.exclude",
    )
