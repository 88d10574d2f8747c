"""Steps that survive a power cut: a file or folder is on the disk when these functions return.

``fsync`` of a file does not save its name: the folder that holds the name needs one of its own
(Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

_NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES)
"""What some network file systems answer where a folder is synced; they save names by themselves."""


def sync_folder(folder: Path) -> None:
    """Save the names in a folder."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that may be written to but not listed
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it, and save its name."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        sync_folder(place.parent)


def write_saved(target: Path, content: bytes) -> None:
    """Write a new file and save its bytes, not yet its name."""
    with target.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_saved(target: Path, content: bytes) -> None:
    """Write a file whole or not at all, over an older one, and save it."""
    temporary = target.with_name(f"{target.name}.part")
    write_saved(temporary, content)
    temporary.replace(target)
    sync_folder(target.parent)


def is_at(handle: int, path: Path) -> bool:
    """Whether an open file is the one that has the name now."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False
