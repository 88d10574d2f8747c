"""Move answered files out of the inbox; nothing that lies there already is overwritten."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from edgefit.errors import InputError
from edgefit.names import escaped, printable, unescaped
from edgefit.runtime.watch.durable import make_folder, sync_folder, write_saved
from edgefit.runtime.watch.inbox import Identity, identity_of
from edgefit.runtime.watch.journal import Move
from edgefit.runtime.watch.places import Places
from edgefit.runtime.watch.renaming import rename_to_free

_REASON = ".reason.txt"
_LONGEST_NAME = 255


class Mover:
    """Plans where files go, and takes them there."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def plan(self, path: str, identity: Identity, reason: str | None) -> Move:
        """Where a file goes: under its own path where that is free, else with a number.

        Args:
            path: Relative to the inbox.
            identity: Of the file that was answered.
            reason: Why it failed; None where it was answered.
        """
        return Move(
            path=escaped(path),
            size=identity.size,
            mtime_ns=identity.mtime_ns,
            inode=identity.inode,
            target=self._free_target(path, reason),
            reason=reason,
        )

    def plan_again(self, move: Move) -> Move:
        """The same move to a name that is still free."""
        target = self._free_target(unescaped(move.path), move.reason)
        return move.model_copy(update={"target": target})

    def resumed(self, move: Move) -> Move:
        """A move of a run that was cut off, as this run carries it out.

        Files may have new numbers since, and ``done`` and ``failed`` may be other folders.
        """
        move = move.model_copy(update={"inode": None})
        source, target = self._places.inbox / unescaped(move.path), Path(unescaped(move.target))
        root = self._places.done if move.reason is None else self._places.failed
        if target.is_relative_to(root) or _is_copied(source, target):
            return move
        return self.plan_again(move)

    def _free_target(self, path: str, reason: str | None) -> str:
        root = self._places.done if reason is None else self._places.failed
        folder = _usable_folder(root, PurePosixPath(path).parent)
        name = _free_name(
            PurePosixPath(path).name, lambda name: _is_taken(folder, name, reason is not None)
        )
        return escaped(str(folder / name))

    def carry_out(self, move: Move) -> bool:
        """Move a file, with its reason beside it first; say whether it was moved.

        A file that has gone, or that was written over since, stays where it is. A second call for
        the same move, after a power cut during the first, ends as the first would have.

        Raises:
            FileExistsError: The target is taken now; plan again.
            InputError: The file cannot be moved.
        """
        source = self._places.inbox / unescaped(move.path)
        target = Path(unescaped(move.target))
        if not _is(source, move):
            return False
        try:
            make_folder(target.parent)
            _temporary(source, target).unlink(missing_ok=True)  # of a run that was cut off
            if move.reason is not None:
                _write_reason(source, target, f"{printable(str(source))}\n{move.reason}\n")
            return _take(source, target, move)
        except FileExistsError:
            raise
        except OSError as error:
            if not os.path.lexists(source):  # somebody took it away
                return False
            raise _unmovable(source, target, error) from error

    def folders(self, moves: list[Move]) -> list[Path]:
        """The folders whose names the moves change: first where files went, then the inbox."""
        targets = {Path(unescaped(move.target)).parent for move in moves}
        sources = {(self._places.inbox / unescaped(move.path)).parent for move in moves}
        return [folder for folder in (*sorted(targets), *sorted(sources)) if folder.is_dir()]


def _take(source: Path, target: Path, move: Move) -> bool:
    was_cut_off = move.inode is None
    if was_cut_off and _is_copied(source, target):
        source.unlink()  # the copy was complete, and the original not yet removed
        return True
    try:
        rename_to_free(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _copy(source, target, move)
    if _is(target, move):
        return True
    # Another file took the name between the look and the move: it has no answer yet.
    rename_to_free(target, source.with_name(_free_name(source.name, _taken_in(source.parent))))
    return False


def _is_copied(source: Path, target: Path) -> bool:
    return target.is_file() and source.is_file() and filecmp.cmp(source, target, shallow=False)


def _copy(source: Path, target: Path, move: Move) -> bool:
    """Move to another file system: whole under a hidden name first."""
    temporary = _temporary(source, target)
    try:
        shutil.copy2(source, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if not _is(source, move):
            return False
        rename_to_free(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(target.parent)
    if _is(source, move):  # else it was written over meanwhile, and has no answer yet
        source.unlink()
    return True


def _write_reason(source: Path, target: Path, text: str) -> None:
    reason = target.with_name(reason_name(target.name))
    content = text.encode()
    if reason.is_file() and reason.read_bytes() == content:
        return
    temporary = _temporary(source, target)
    try:
        write_saved(temporary, content)
        rename_to_free(temporary, reason)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(reason.parent)


def reason_name(name: str) -> str:
    """Name of the file that says why another one failed."""
    return _shortened(name, len(_REASON)) + _REASON


def _is(path: Path, move: Move) -> bool:
    found = identity_of(path)
    if found is None or (found.size, found.mtime_ns) != (move.size, move.mtime_ns):
        return False
    return move.inode is None or found.inode == move.inode


def _temporary(source: Path, target: Path) -> Path:
    """The same name after a restart, so that nothing unfinished stays for good."""
    facts = source.stat(follow_symlinks=False)
    return target.with_name(f".edgefit-{facts.st_dev:x}-{facts.st_ino:x}.part")


def _usable_folder(root: Path, relative: PurePosixPath) -> Path:
    """The folder below ``root``; where a file has a folder's name, the folder gets a number."""
    folder = root
    for part in relative.parts:
        folder = folder / _free_name(part, _blocked_in(folder))
    return folder


def _blocked_in(folder: Path) -> Callable[[str], bool]:
    """Whether a name is taken by something that is not a folder."""
    return lambda name: os.path.lexists(folder / name) and not (folder / name).is_dir()


def _taken_in(folder: Path) -> Callable[[str], bool]:
    return lambda name: os.path.lexists(folder / name)


def _is_taken(folder: Path, name: str, with_reason: bool) -> bool:
    names = [name, reason_name(name)] if with_reason else [name]
    return any(os.path.lexists(folder / each) for each in names)


def _free_name(name: str, is_taken: Callable[[str], bool]) -> str:
    """The name, else ``stem.N.suffix``; looks at few of them where very many are taken."""
    if not is_taken(name):
        return name
    low, high = 0, 1
    while is_taken(_numbered(name, high)):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_taken(_numbered(name, middle)) else (low, middle)
    return _numbered(name, high)


def _numbered(name: str, number: int) -> str:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    ending = f".{number}{suffix}"
    return _shortened(stem, len(os.fsencode(ending))) + ending


def _shortened(name: str, reserved: int) -> str:
    """The name without what a file system could not hold beside ``reserved`` more bytes."""
    while len(os.fsencode(name)) > _LONGEST_NAME - reserved:
        name = name[:-1]
    return name


def _unmovable(source: Path, target: Path, error: OSError) -> InputError:
    return InputError(
        "An answered file cannot be moved.",
        path=source,
        expected=f"to move it to {target}",
        found=error.strerror,
        remedy="make room or give the right to write, then start again: the file has its lines, "
        "and is not answered again",
    )
