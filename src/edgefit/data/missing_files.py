"""Why a file that a data set names is not there."""

from __future__ import annotations

from pathlib import Path

from edgefit.names import printable


class MissingFiles:
    """Gives the reason for each missing file; reads every folder once. Threads may share it."""

    def __init__(self) -> None:
        self._listings: dict[Path, dict[str, str]] = {}

    def reason(self, path: Path) -> str:
        """Why nothing can be read at a path that is no file.

        Letter case counts on some systems and not on others, so a name that differs only by its
        case is named, but not taken.
        """
        if path.is_dir():
            return "a folder, not a file"
        if path.is_symlink():
            return "a link that leads nowhere"
        names = self._names(path.parent)
        if names is None:
            return f"no such file; its folder {printable(path.parent.name)} does not exist"
        similar = names.get(path.name.casefold())
        if similar is not None:
            return f"no such file; the folder holds {printable(similar)}, and letter case counts"
        return "no such file"

    def _names(self, folder: Path) -> dict[str, str] | None:
        """The names in a folder by their lower-case form; None where it cannot be opened."""
        if folder not in self._listings:
            try:
                names = [entry.name for entry in folder.iterdir()]
            except OSError:
                return None
            self._listings[folder] = {name.casefold(): name for name in names}
        return self._listings[folder]
