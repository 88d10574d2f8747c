"""A machine whose power fails at a chosen step, with what a disk may lose then.

Each call that changes the disk is a step. After the cut no step has an effect, so that ``finally``
blocks, which a real power cut would not run, change nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from edgefit.runtime.watch import durable, moving, renaming


class PowerCut(BaseException):
    """The power has failed."""


class Loss(StrEnum):
    """What the disk loses of what was not synced."""

    NOTHING = "nothing: a kill"
    LINES = "all unsynced lines"
    PART_OF_A_LINE = "the end of the unsynced lines"
    ZEROS = "blocks of unsynced lines, which read as zeros"
    NAMES = "unsynced renames and removals, and all unsynced lines"


@dataclass
class _Change:
    folders: set[Path]
    undo: Callable[[], object]


class Power:
    """Counts steps and cuts at one.

    Args:
        patch: Puts the steps in place; its ``undo`` brings the power back.
        results: The file whose unsynced end may be lost.
    """

    def __init__(self, patch: pytest.MonkeyPatch, results: Path) -> None:
        self._results = results
        self._saved = results.stat().st_size if results.exists() else 0
        self._changes: list[_Change] = []
        self.steps = 0
        self.cut_at: int | None = None
        self.is_off = False
        self._real_write = os.write
        patch.setattr(os, "fsync", self._fsync)
        patch.setattr(os, "write", self._write)
        real_replace, real_unlink = Path.replace, Path.unlink
        patch.setattr(Path, "replace", lambda s, t: self._replaced(real_replace, s, Path(t)))
        patch.setattr(
            Path,
            "unlink",
            lambda s, missing_ok=False: self._unlinked(real_unlink, s, missing_ok),
        )
        self._follow(patch, renaming, "_rename_at_once")
        real_link = os.link
        patch.setattr(os, "link", lambda s, t, **kw: self._made(real_link, Path(t), s, t, **kw))
        for module in (durable, moving):
            real_saved = module.write_saved
            patch.setattr(module, "write_saved", self._step_of(real_saved))

    def lose(self, loss: Loss) -> None:
        """What the machine finds when the power is back; call it with the patches undone."""
        if loss is Loss.NAMES:
            for change in reversed(self._changes):
                change.undo()
        if loss is not Loss.NOTHING and self._results.exists():
            self._lose_lines(loss)

    def _lose_lines(self, loss: Loss) -> None:
        size = self._results.stat().st_size
        lost = max(size - self._saved, 0)
        if loss is Loss.ZEROS and lost > 4:
            with self._results.open("r+b") as file:
                file.seek(size - lost // 2)
                file.write(b"\0" * (lost // 2))
        else:
            part = loss is Loss.PART_OF_A_LINE
            os.truncate(self._results, size - (min(lost, 7) if part else lost))

    def _step(self) -> None:
        self.steps += not self.is_off
        if self.is_off or self.steps == self.cut_at:
            self.is_off = True
            raise PowerCut

    def _step_of(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            self._step()
            return function(*arguments)

        return step

    def _fsync(self, handle: int) -> None:
        self._step()
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path == self._results:
            self._saved = os.fstat(handle).st_size
        for change in self._changes:
            change.folders.discard(path)
        self._changes = [change for change in self._changes if change.folders]

    def _write(self, handle: int, data: bytes) -> int:
        if Path(f"/proc/self/fd/{handle}").readlink() == self._results:
            is_torn = not self.is_off and self.steps + 1 == self.cut_at
            if is_torn:
                self._real_write(handle, data[: len(data) // 2])
            self._step()
        return self._real_write(handle, data)

    def _replaced(self, real: Callable[..., Any], source: Path, target: Path) -> Any:
        self._step()
        former = target.read_bytes() if target.is_file() else None
        moved, facts = source.read_bytes(), source.stat()

        def undo() -> None:
            target.unlink()
            source.write_bytes(moved)
            os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns))
            if former is not None:
                target.write_bytes(former)

        done = real(source, target)
        self._changes.append(_Change({source.parent, target.parent}, undo))
        return done

    def _unlinked(self, real: Callable[..., Any], path: Path, missing_ok: bool) -> None:
        self._step()
        if path.exists():
            facts, content = path.stat(), path.read_bytes()

            def undo() -> None:
                path.write_bytes(content)
                os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

            self._changes.append(_Change({path.parent}, undo))
        real(path, missing_ok=missing_ok)

    def _made(self, real: Callable[..., Any], target: Path, *arguments: Any, **named: Any) -> Any:
        self._step()
        done = real(*arguments, **named)
        self._changes.append(_Change({target.parent}, lambda: os.remove(target)))  # noqa: PTH107
        return done

    def _follow(self, patch: pytest.MonkeyPatch, module: Any, name: str) -> None:
        real = getattr(module, name)

        def renamed(source: Path, target: Path) -> bool:
            self._step()
            if not real(source, target):
                return False
            self._changes.append(
                _Change({source.parent, target.parent}, lambda: os.rename(target, source))  # noqa: PTH104
            )
            return True

        patch.setattr(module, name, renamed)
