"""Why a file that a data set names is not there."""

from __future__ import annotations

from pathlib import Path

from edgefit.names import is_utf8, printable

NO_FILE = "no such file"
NOT_UTF8 = "one whose name is not UTF-8, which a CSV file cannot name"


class MissingFiles:
    """Gives the reason for each missing file; reads every folder once. Threads may share it."""

    def __init__(self) -> None:
        self._listings: dict[Path, dict[str, str]] = {}

    def reason(self, path: Path) -> str:
        """Why nothing can be read at a path that is no file.

        Letter case matters on some systems and not on others, so a file whose name differs only by
        its case is mentioned, but not taken. Reasons are the same for all files of a kind, so that
        they can be counted.
        """
        if path.is_dir():
            return "a folder, not a file"
        if path.is_symlink():
            return "a link that leads nowhere"
        names = self._names(path.parent)
        if names is None:
            if self._differs_by_case(path):
                return f"{NO_FILE}, but one in a folder whose name differs by letter case"
            return f"{NO_FILE}, and no such folder"
        if path.name.casefold() in names:
            return f"{NO_FILE}, but one whose name differs by letter case"
        if any(not is_utf8(name) and printable(name) == path.name for name in names.values()):
            return f"{NO_FILE}, but {NOT_UTF8}"
        return NO_FILE

    def _differs_by_case(self, path: Path) -> bool:
        """Whether a file is there if letter case is ignored in all folders that are missing."""
        folder, missing = path.parent, [path.name]
        while not folder.exists() and folder != folder.parent:
            folder, missing = folder.parent, [folder.name, *missing]
        for part in missing:
            found = (self._names(folder) or {}).get(part.casefold())
            if found is None:
                return False
            folder = folder / found
        return True

    def _names(self, folder: Path) -> dict[str, str] | None:
        """The names in a folder by their lower-case form; None where it cannot be opened."""
        if folder not in self._listings:
            try:
                names = {entry.name.casefold(): entry.name for entry in folder.iterdir()}
            except OSError:
                return None
            self._listings[folder] = names
        return self._listings[folder]
