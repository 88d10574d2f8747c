"""A file is written whole or not at all: beside its place, then renamed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(target: Path, *, suffix: str = "") -> Iterator[Path]:
    """Give a path to write to, which becomes ``target`` when the block ends without an error.

    An earlier file stays until then. After an error the unfinished file is removed; a process that
    is killed leaves it, and the next start writes over it.

    Args:
        target: Where the file belongs; its folder exists.
        suffix: What keeps two processes that write the same file apart, say the process's number.
    """
    temporary = target.with_name(f"{target.name}{suffix}.part")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
