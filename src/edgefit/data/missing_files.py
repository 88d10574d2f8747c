"""Why a file that a data set names is not there."""

from __future__ import annotations

from pathlib import Path

NO_FILE = "no such file"


class MissingFiles:
    """Gives the reason for each missing file; reads every folder once. Threads may share it."""

    def __init__(self) -> None:
        self._listings: dict[Path, set[str]] = {}

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
            return f"{NO_FILE}, and no such folder"
        if path.name.casefold() in names:
            return f"{NO_FILE}, but one whose name differs by letter case"
        return NO_FILE

    def _names(self, folder: Path) -> set[str] | None:
        """The lower-case names in a folder; None where it cannot be opened."""
        if folder not in self._listings:
            try:
                names = {entry.name.casefold() for entry in folder.iterdir()}
            except OSError:
                return None
            self._listings[folder] = names
        return self._listings[folder]
