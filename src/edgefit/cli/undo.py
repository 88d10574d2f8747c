"""A command that refuses its input leaves runs as they were before it.

What a stage has ended with is kept: those inputs were right for it, and repeating it costs time.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgefit.run import RunFolder
from edgefit.train.distributed import is_first_process


@dataclass(frozen=True)
class _Before:
    """A run before the command.

    Attributes:
        run: Its folder.
        recipe: What its recipe held; None where there was none.
        inside: What its folder held.
        absent: The folder and those above it that were not there, the innermost first.
        done: The stamps of stages that had ended, with the times at which they were written.
    """

    run: RunFolder
    recipe: bytes | None
    inside: frozenset[Path]
    absent: tuple[Path, ...]
    done: dict[Path, int]


_before: dict[Path, _Before] = {}


def forget() -> None:
    """A command begins."""
    _before.clear()


def remember(run: RunFolder) -> None:
    """Keep what a run's recipe holds, if there is one, before another is written there.

    Of several training processes the first one does, which is also the one that writes.
    """
    if not is_first_process():
        return
    recipe = run.recipe_path.read_bytes() if run.recipe_path.is_file() else None
    root = run.root.absolute()
    _before.setdefault(
        root,
        _Before(
            run,
            recipe,
            frozenset(run.root.glob("*")),
            tuple(folder for folder in (root, *root.parents) if not folder.exists()),
            run.ended_stages(),
        ),
    )


def take_back() -> None:
    """Put every recipe back that the command has changed, and remove runs that it only began."""
    for before in _before.values():
        if before.run.ended_stages().items() - before.done.items():
            continue  # a stage has ended since
        with suppress(OSError):  # the command's own error is the one to tell
            if before.recipe is None:
                _remove_what_began(before)
            else:
                _put_back(before.run.recipe_path, before.recipe)


def _put_back(path: Path, text: bytes) -> None:
    if path.read_bytes() != text:
        temporary = path.with_suffix(".yaml.part")
        temporary.write_bytes(text)
        temporary.replace(path)


def _remove_what_began(before: _Before) -> None:
    """Remove the recipe, the stamps and empty folders; nothing where a stage has left a file."""
    root = before.run.root
    new = [path for path in root.glob("*") if path not in before.inside]
    below = [path for folder in new if folder.is_dir() for path in folder.rglob("*")]
    ours = {before.run.recipe_path, *(root / "stamps").glob("*")}
    if any(path not in ours and not path.is_dir() for path in [*new, *below]):
        return
    for path in sorted([*new, *below], reverse=True):  # what lies in a folder before the folder
        path.rmdir() if path.is_dir() else path.unlink()
    for folder in before.absent:
        folder.rmdir()
