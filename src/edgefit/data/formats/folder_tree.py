"""The folders that hold the images of a data set, as a tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

_STRAY = 5
"""Fewer than one image in so many lies outside the sub-folders of a folder that is divided."""


class FolderTree:
    """Images below a folder, by their top folder."""

    def __init__(self, paths: Iterable[str]) -> None:
        below: dict[str, list[str]] = defaultdict(list)
        self.loose: list[str] = []
        for path in paths:
            top, slash, rest = path.partition("/")
            below[top].append(rest) if slash else self.loose.append(path)
        self._below = below

    @cached_property
    def tops(self) -> dict[str, FolderTree]:
        """The top folders that hold images, by name."""
        return {name: FolderTree(paths) for name, paths in sorted(self._below.items())}

    @property
    def images(self) -> int:
        """Images at any depth."""
        return len(self.loose) + sum(len(paths) for paths in self._below.values())

    @property
    def is_divided(self) -> bool:
        """Whether the images lie in two or more sub-folders, but for a stray one."""
        return len(self.tops) > 1 and _STRAY * len(self.loose) < self.images

    def first_division(self) -> tuple[str, FolderTree]:
        """The first folder that does not hold just one folder: its path from here, and itself."""
        if len(self.tops) != 1 or self.loose:
            return "", self
        name, inside = next(iter(self.tops.items()))
        below, division = inside.first_division()
        return f"{name}/{below}".rstrip("/"), division
