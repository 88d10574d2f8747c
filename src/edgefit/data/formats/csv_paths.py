"""From the path in a row of a CSV file to the file on disk.

Another system may have written the path: with backslashes, or with letters in another Unicode form.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

from edgefit.data.formats.rules import require_inside
from edgefit.data.table import examples
from edgefit.errors import DataError
from edgefit.names import composed, is_utf8
from edgefit.records.check import Finding
from edgefit.wording import counted

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


class _Change(Enum):
    SLASHES = auto()
    UNICODE = auto()


class CsvPaths:
    """Finds the files that a CSV file names; what it had to change is in :meth:`findings`.

    Args:
        folder: Folder of the CSV file.
        follow_links: Whether links may lead out of it.
    """

    def __init__(self, folder: Path, *, follow_links: bool = False) -> None:
        self._folder, self._follow_links = folder, follow_links
        self._listings: dict[str, dict[str, list[str]]] = {}
        self._changed: dict[_Change, list[str]] = {change: [] for change in _Change}

    def find(self, text: str) -> str:
        """The path of a file relative to the folder, POSIX form, as the disk spells it.

        A file whose name is exactly the text wins; then backslashes are read as slashes, then
        Unicode forms are ignored. A file that does not exist keeps the path that was tried last.

        Raises:
            DataError: The path leads out of the folder, or fits several files.
        """
        path = self._relative(text)
        if not self._exists(path) and "\\" in path and not self._shows_bytes(path):
            path = self._relative(path.replace("\\", "/"))
            self._changed[_Change.SLASHES].append(path)
        if not self._exists(path) and not path.isascii():
            path = self._spelled_on_disk(path)
        self._require_inside(path)
        return path

    def findings(self) -> Iterator[Finding]:
        """What was read in another way than it is written."""
        slashes, forms = self._changed[_Change.SLASHES], self._changed[_Change.UNICODE]
        if slashes:
            message = f"{counted(len(slashes), 'path', 'have')} backslashes, read as slashes."
            yield Finding(level="info", code="backslashes", message=message)
        if forms:
            message = (
                f"{counted(len(forms), 'path', 'are')} in another Unicode form than on disk; "
                f"the names on disk are taken: {examples(forms)}."
            )
            yield Finding(level="info", code="unicode-forms", message=message)

    def _relative(self, text: str) -> str:
        path = Path(text)
        if path.is_absolute():
            return self._from_absolute(path)
        if _DRIVE.match(text) and not self._exists(text):
            raise DataError(
                "The path names a drive of another computer.",
                found=text,
                expected="a path relative to the folder of the CSV file",
                remedy="remove the part up to the folder of the CSV file from every path",
            )
        return posixpath.normpath(path.as_posix())  # on Windows, a backslash becomes /

    def _from_absolute(self, path: Path) -> str:
        if self._follow_links:  # then the link counts, not where it leads
            folder = Path.cwd() / self._folder
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
        require_inside(path, self._folder)
        return path.resolve().relative_to(self._folder.resolve()).as_posix()

    def _require_inside(self, path: str) -> None:
        if not self._follow_links or path.startswith("../"):
            require_inside(self._folder / path, self._folder)

    def _exists(self, path: str) -> bool:
        return os.path.lexists(self._folder / path)

    def _spelled_on_disk(self, path: str) -> str:
        """The path with each part as the disk spells it, or as it is where the disk has none."""
        found: list[str] = []
        for part in path.split("/"):
            if self._exists("/".join([*found, part])):
                found.append(part)
                continue
            names = self._names("/".join(found)).get(composed(part), [])
            if len(names) > 1:
                raise DataError(
                    "The path fits several files, whose names differ only by their Unicode form.",
                    found=path,
                    remedy="rename or remove one of these files",
                )
            if not names:
                return path
            found.append(names[0])
        spelled = "/".join(found)
        self._changed[_Change.UNICODE].append(spelled)
        return spelled

    def _shows_bytes(self, path: str) -> bool:
        r"""Whether a file's name that is not UTF-8 is shown like this, with ``\xfc`` for a byte."""
        folder, name = posixpath.split(path)
        return any(not is_utf8(found) for found in self._names(folder).get(composed(name), []))

    def _names(self, folder: str) -> dict[str, list[str]]:
        """The names in a folder by their composed form."""
        if folder not in self._listings:
            listing: dict[str, list[str]] = {}
            try:
                names = [entry.name for entry in (self._folder / folder).iterdir()]
            except OSError:
                names = []
            for name in sorted(names):
                listing.setdefault(composed(name), []).append(name)
            self._listings[folder] = listing
        return self._listings[folder]
