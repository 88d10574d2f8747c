"""Which folders are classes and which are splits; what cannot be told apart is an error.

A wrong guess trains a network that tells ``Training`` from ``Testing``, and no figure shows it.
"""

from __future__ import annotations

import glob
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgefit.data.formats.folder_tree import FolderTree
from edgefit.data.formats.splits import split_of, split_within, surely_split_of
from edgefit.data.table import examples
from edgefit.errors import DataError
from edgefit.names import printable
from edgefit.recipe import DataConfig
from edgefit.shell import shell_line

_INSIST = "if these folders are the classes, set data.layout: classes"


@dataclass(frozen=True)
class Layout:
    """Where in a path the class and the split are.

    Attributes:
        class_at: Which folder of the path is the class, from 0.
        split_at: Which one is the split; None where no folder is.
    """

    class_at: int
    split_at: int | None = None

    @property
    def folders(self) -> int:
        """Folders that an image lies in at least."""
        return 1 + max(self.class_at, self.split_at or 0)

    @property
    def form(self) -> str:
        """The form of a path, in words."""
        return {0: "split/class/image", 1: "class/split/image"}.get(
            -1 if self.split_at is None else self.split_at, "class/image"
        )


CLASSES = Layout(0)
SPLITS = Layout(1, 0)
CLASSES_OF_SPLITS = Layout(0, 1)


def find_layout(
    root: Path, paths: Iterable[str], config: DataConfig, needs_labels: bool = True
) -> Layout:
    """Find out which folders are classes and which are splits.

    Args:
        root: The folder, for messages.
        paths: The images to read, relative, POSIX form.
        config: ``layout`` decides where it is not ``auto``.
        needs_labels: Whether folders must be classes.

    Raises:
        DataError: The folders can be read in more than one way, or not at all.
    """
    tree = FolderTree(paths)
    if config.layout == "classes":
        return CLASSES
    splits = {top: split_of(top) for top in tree.tops}
    if config.layout == "splits":
        _require_only_splits(root, splits)
    if config.layout == "splits" or _are_splits(splits):
        _require_each_split_once(root, splits)
        if needs_labels:
            _require_classes_in_splits(root, tree)
        return SPLITS
    _require_no_other_beside_splits(root, tree)
    if _are_classes_of_splits(root, tree, needs_labels):
        return CLASSES_OF_SPLITS
    if needs_labels:
        _require_no_wrapper(root, tree)
        _require_different_folders(root, tree)
        _require_no_split_in_names(root, tree)
    return CLASSES


def _are_splits(splits: Mapping[str, str | None]) -> bool:
    return "train" in splits.values() and None not in splits.values()


def _require_only_splits(root: Path, splits: Mapping[str, str | None]) -> None:
    others = [top for top, split in splits.items() if split is None]
    if others or "train" not in splits.values():
        raise DataError(
            "The top folders are not the splits that data.layout asks for.",
            path=root,
            key="data.layout",
            expected="train, with or without val and test",
            found=examples(list(splits)),
            remedy=leave_out(others) if others else "rename the folder of training images: train",
        )


def _require_each_split_once(root: Path, splits: Mapping[str, str | None]) -> None:
    names: dict[str | None, list[str]] = defaultdict(list)
    for top, split in splits.items():
        names[split].append(top)
    twice = [tops for tops in names.values() if len(tops) > 1]
    if twice:
        raise DataError(
            "Two folders name the same split.",
            path=root,
            expected="one folder for each of train, val and test",
            found="; ".join(" and ".join(map(printable, tops)) for tops in twice),
            remedy=f"move their images into one folder, or {leave_out(twice[0][1:])}; {_INSIST}",
        )


def _require_classes_in_splits(root: Path, tree: FolderTree) -> None:
    """Refuse ``train/images/class/...``."""
    only = [
        f"{top}/{next(iter(split.tops))}"
        for top, split in tree.tops.items()
        if len(split.tops) == 1 and next(iter(split.tops.values())).is_divided
    ]
    if only and len(only) == len(tree.tops):
        raise DataError(
            "The classes are one folder deeper than expected.",
            path=root,
            expected="split/class/image",
            found=f"class folders in {examples(only)}",
            remedy=f"move the class folders up, out of {examples(only)}",
        )


def _require_no_other_beside_splits(root: Path, tree: FolderTree) -> None:
    """Refuse ``train``, ``test`` and a folder that is neither; a class may be called train."""
    sure = {top: split for top in tree.tops if (split := surely_split_of(top))}
    others = [top for top in tree.tops if split_of(top) is None]
    named = set(sure.values())
    if "train" not in named or not others:
        return
    if len(named) > 1 or _looks_like_a_split(tree, next(iter(sure)), others):
        raise DataError(
            "Folders of splits lie beside a folder that is neither train, val nor test.",
            path=root,
            expected="either splits with class folders inside, or class folders",
            found=examples(list(tree.tops)),
            remedy=f"{leave_out(others)}, or rename {'it' if len(others) == 1 else 'them'}; "
            f"{_INSIST}",
        )


def _looks_like_a_split(tree: FolderTree, train: str, others: list[str]) -> bool:
    inside = tree.tops[train]
    shared = any(inside.tops.keys() & tree.tops[other].tops.keys() for other in others)
    return inside.is_divided and (shared or len(tree.tops) == 2)


def _are_classes_of_splits(root: Path, tree: FolderTree, needs_labels: bool) -> bool:
    """Whether the layout is ``class/train|val|test/...``.

    Raises:
        DataError: Only some class folders are divided so, further folders lie inside, or labels are
            needed and there is only one folder.
    """
    splits = {top: {split_of(name) for name in inside.tops} for top, inside in tree.tops.items()}
    whole = [
        top
        for top, found in splits.items()
        if found and None not in found and not tree.tops[top].loose
    ]
    named = {split for found in splits.values() for split in found}
    if "train" not in named or len(named - {None}) < 2 or not whole:
        return False
    if len(tree.tops) == 1 and _deeper(tree):
        return False  # a single folder around splits
    if len(tree.tops) == 1 and needs_labels:
        raise _splits_without_classes(root, whole[0], tree.tops[whole[0]])
    deeper = _deeper(tree)
    if len(whole) < len(tree.tops) or deeper:
        raise DataError(
            "Only some folders are divided into train, val and test."
            if not deeper
            else "The class folders hold train, val and test, and these hold further folders.",
            path=root,
            expected="train/class/image, or class/train/image in every class",
            found=examples(deeper or [top for top in tree.tops if top not in whole]),
            remedy=f"give one of the folders: {shell_line('--data', root / whole[0])}"
            if deeper
            else f"divide all of them alike, or list the images in a CSV file; {_INSIST}",
        )
    for top, inside in tree.tops.items():
        _require_each_split_once(root / printable(top), {n: split_of(n) for n in inside.tops})
    return True


def _splits_without_classes(root: Path, top: str, inside: FolderTree) -> DataError:
    name, splits = printable(top), examples([f"{top}/{split}" for split in inside.tops])
    return DataError(
        "The splits lie one folder deeper and have no class folders.",
        path=root,
        expected="split/class/image",
        found=f"images in {splits}",
        remedy=f"make a folder for each class inside {splits}, then give the folder of the splits: "
        f"{shell_line('--data', root / top)}; or list the images and their classes in a CSV file; "
        f"if {name} is a class, put the folder of a second class beside it",
    )


def _deeper(tree: FolderTree) -> list[str]:
    """Folders inside splits inside top folders, where a top folder holds several."""
    found = []
    for top, inside in tree.tops.items():
        below = {name for split in inside.tops.values() for name in split.tops}
        if len(below) > 1:
            found += [
                f"{top}/{split}/{name}" for split, t in inside.tops.items() for name in t.tops
            ]
    return found


def _require_no_wrapper(root: Path, tree: FolderTree) -> None:
    """Refuse a single top folder that holds the classes, or the splits."""
    folder, inside = root, tree
    while len(inside.tops) == 1 and 2 * len(inside.loose) < inside.images:
        name, inside = next(iter(inside.tops.items()))
        folder = folder / name
        is_split = split_of(name) == "train" and folder.parent != root and bool(inside.tops)
        if is_split or (len(inside.tops) > 1 and 2 * len(inside.loose) < inside.images):
            holder = folder.parent if is_split else folder
            raise DataError(
                "The classes are one folder deeper."
                if holder.parent == root
                else "The classes are several folders deeper.",
                path=root,
                expected="a folder whose subfolders are the classes",
                found=f"a single folder that contains {examples(list(inside.tops))}",
                remedy=f"give the folder that holds them: {shell_line('--data', holder)}",
            )


def _require_different_folders(root: Path, tree: FolderTree) -> None:
    """Refuse top folders that hold the same sub-folders: these are probably the classes."""
    divisions = {
        f"{top}/{below}".rstrip("/"): inside
        for top, (below, inside) in ((t, i.first_division()) for t, i in tree.tops.items())
        if inside.is_divided
    }
    held = [set(inside.tops) for inside in divisions.values()]
    if len(held) < 2 or 2 * len(held) <= len(tree.tops):
        return
    counts_of = Counter(name for folders in held for name in folders)
    same = sorted(name for name, tops in counts_of.items() if 2 * tops > len(held))
    if len(same) > 1 and 2 * len(same) >= len(counts_of):
        largest = max(divisions, key=lambda folder: divisions[folder].images)
        raise DataError(
            "Every top folder holds the same sub-folders, so it is not clear which are the classes."
            if len(held) == len(tree.tops)
            else "Most top folders hold the same sub-folders, so it is not clear which are the "
            "classes.",
            path=root,
            expected="class/image, or train|val|test/class/image",
            found=f"{examples(same)} in {examples(list(tree.tops))}",
            remedy="if the top folders are splits, rename them: train, val, test; if one of them "
            f"holds all classes, give it: {shell_line('--data', root / largest)}; to "
            f"choose some, set data.include, or list the images in a CSV file; {_INSIST}",
        )


def _require_no_split_in_names(root: Path, tree: FolderTree) -> None:
    """Refuse ``cats_train`` beside ``cats_test``."""
    splits: dict[str, set[str]] = defaultdict(set)
    names: dict[str, list[str]] = defaultdict(list)
    for top in tree.tops:
        if found := split_within(top):
            rest, split = found
            splits[rest].add(split)
            names[rest].append(top)
    mixed = [rest for rest, found_ in splits.items() if "train" in found_ and len(found_) > 1]
    if mixed:
        raise DataError(
            "Names of top folders hold words for splits, so it is not clear what the classes are.",
            path=root,
            expected="train|val|test/class/image",
            found="; ".join(" and ".join(names[rest]) for rest in mixed),
            remedy="move the images into train/CLASS, val/CLASS and test/CLASS, or list them in a "
            f"CSV file; {_INSIST}",
        )


def leave_out(folders: Iterable[str]) -> str:
    """The option that leaves top folders out, for a remedy."""
    globs = [f"{glob.escape(printable(folder))}/*" for folder in folders]
    text = f"data.exclude={json.dumps(globs, ensure_ascii=False)}"
    return f"leave {'it' if len(globs) == 1 else 'them'} out with {shell_line('--set', text)}"
