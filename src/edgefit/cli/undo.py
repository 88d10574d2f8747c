"""A command that refuses its input leaves runs as they were before it.

What a stage has ended with is kept: those inputs were right for it, and repeating it costs time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgefit.run import RunFolder


@dataclass(frozen=True)
class _Before:
    """A run before the command.

    Attributes:
        run: Its folder.
        recipe: What its recipe held; None where there was none.
        inside: What its folder held; None where there was no folder.
        done: The stamps of stages that had ended, with the times at which they were written.
    """

    run: RunFolder
    recipe: bytes | None
    inside: set[Path] | None
    done: dict[Path, int]


_before: dict[Path, _Before] = {}


def forget() -> None:
    """A command begins."""
    _before.clear()


def remember(run: RunFolder) -> None:
    """Keep what a run's recipe holds, if there is one, before another is written there."""
    recipe = run.recipe_path.read_bytes() if run.recipe_path.is_file() else None
    inside = set(run.root.iterdir()) if run.root.is_dir() else None
    _before.setdefault(run.root, _Before(run, recipe, inside, run.ended_stages()))


def take_back() -> None:
    """Put every recipe back that the command has changed, and remove runs that it only began."""
    for before in _before.values():
        if before.run.ended_stages() != before.done:
            continue
        if before.recipe is None:
            _remove_what_began(before)
        elif before.run.recipe_path.read_bytes() != before.recipe:
            temporary = before.run.recipe_path.with_suffix(".yaml.part")
            temporary.write_bytes(before.recipe)
            temporary.replace(before.run.recipe_path)


def _remove_what_began(before: _Before) -> None:
    """Remove the recipe, the stamps and empty folders; nothing where a stage has left a file."""
    root = before.run.root
    new = [path for path in root.glob("*") if path not in (before.inside or ())]
    below = [path for folder in new if folder.is_dir() for path in folder.rglob("*")]
    ours = {before.run.recipe_path, *(root / "stamps").glob("*")}
    if any(path not in ours and not path.is_dir() for path in [*new, *below]):
        return
    for path in sorted([*new, *below], reverse=True):  # what lies in a folder before the folder
        path.rmdir() if path.is_dir() else path.unlink()
    if before.inside is None and root.is_dir():
        root.rmdir()
