"""Rename a file to a name that nobody has; plain ``rename`` replaces what is there."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path

from edgefit.runtime.watch.durable import sync_folder

_HERE = -100  # AT_FDCWD: paths that are relative start at the working folder
_NOREPLACE = 1  # RENAME_NOREPLACE
_NOT_OFFERED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)
_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


def rename_to_free(source: Path, target: Path) -> None:
    """Rename a file, never over another one.

    Linux does it in one step (``renameat2(2)`` with ``RENAME_NOREPLACE``). Where the file system
    does not, the file gets its second name first and loses the first one then. Where a file cannot
    have two names, an empty file reserves the name.

    Raises:
        FileExistsError: The name is taken.
        OSError: Anything else, such as ``EXDEV`` for another file system.
    """
    for way in (_rename_at_once, _link_then_unlink, _reserve_then_rename):
        if way(source, target):
            return


def _rename_at_once(source: Path, target: Path) -> bool:
    rename = _renameat2()
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(source), _HERE, os.fsencode(target), _NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_OFFERED:
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))


def _link_then_unlink(source: Path, target: Path) -> bool:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    sync_folder(target.parent)  # the second name is saved before the first one goes
    source.unlink()
    return True


def _reserve_then_rename(source: Path, target: Path) -> bool:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    try:
        source.replace(target)
    except OSError:
        target.unlink()
        raise
    return True


@functools.cache
def _renameat2() -> Callable[..., int] | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # another C library, another system
        return None
    path = (ctypes.c_int, ctypes.c_char_p)
    function.argtypes = (*path, *path, ctypes.c_uint)
    function.restype = ctypes.c_int
    return lambda *arguments: int(function(*arguments))
