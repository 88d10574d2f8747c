"""Write a file completely or not at all: write it beside its target, then rename it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(target: Path, *, suffix: str = "") -> Iterator[Path]:
    """Yield a path to write to; it becomes ``target`` when the block ends without an error.

    An existing ``target`` stays until then. After an error, the unfinished file is removed. A
    killed process leaves it behind, and the next one overwrites it.

    Args:
        target: Path of the finished file; its folder must exist.
        suffix: Separates two processes that write the same file, e.g. by process number.
    """
    temporary = target.with_name(f"{target.name}{suffix}.part")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
