"""The formats a data set may come in; each becomes the same table of samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgefit.data.formats.csv import read_csv_file
from edgefit.data.formats.folder import read_folder
from edgefit.data.formats.reading import Reading
from edgefit.errors import DataError
from edgefit.names import is_utf8, printable
from edgefit.recipe import DataConfig

_CSV = (".csv", ".tsv")
FORMATS: dict[str, Callable[[Path, DataConfig, bool], Reading]] = {
    "folder": read_folder,
    "csv": read_csv_file,
}


def read_samples(root: Path, config: DataConfig, needs_labels: bool = True) -> Reading:
    """Read a data set's table of samples; no image is opened.

    Args:
        root: Folder of images, or a CSV file.
        config: Format, globs, classes and groups. ``auto`` takes ``csv`` for a CSV file or when
            ``config.csv`` is set, else ``folder``.
        needs_labels: Whether to refuse images without a label.

    Returns:
        The samples sorted by path, each with a group, and with a split if the data state one;
        what is passed over; and what should be known about names and layout.

    Raises:
        DataError: The path does not exist, or the data do not fit the format; the error names the
            file or line.
    """
    if not root.exists():
        raise DataError(
            "The data set does not exist.",
            path=root,
            expected="a folder of images or a CSV file",
            remedy="give its path with --data",
        )
    if not is_utf8(str(root)):
        raise DataError(
            "The name of the data set's folder is not UTF-8, and a run cannot keep it.",
            path=printable(str(root)),
            key="data.root",
            remedy="rename it, or one of the folders above it; the names inside may stay",
        )
    is_csv = config.csv is not None or (root.is_file() and root.suffix.lower() in _CSV)
    name = config.format if config.format != "auto" else "csv" if is_csv else "folder"
    return FORMATS[name](root, config, needs_labels)
