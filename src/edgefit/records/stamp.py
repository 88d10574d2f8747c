"""Stamps: which stage started and ended in a run, with a fingerprint of its inputs.

Only :mod:`edgefit.stages.runner` reads and writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from edgefit.errors import RunError
from edgefit.records.record import Part, write_json
from edgefit.shell import shell_line

STAMPS = "stamps"
"""Their folder in a run."""


class Stamp(Part):
    """One event of a stage.

    Attributes:
        inputs: Fingerprint of everything that determines the result.
        outputs: Identifies the result; None at the start.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset({"outputs"})

    inputs: str
    outputs: str | None = None


def read_stamp(root: Path, stage: str, event: str) -> Stamp | None:
    """A stage's stamp, or None where it has none.

    Raises:
        RunError: The file is damaged.
    """
    path = _path(root, stage, event)
    if not path.is_file():
        return None
    try:
        return Stamp.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        raise RunError(
            f"The stamp of the stage `{stage}` is damaged.",
            path=path,
            expected="a JSON object with the fingerprint of the stage's inputs",
            found=str(error).splitlines()[0],
            remedy=f"run `{shell_line('rm', path)}`, then `{shell_line('edgefit', stage, root)}`",
        ) from error


def write_stamp(root: Path, stage: str, event: str, stamp: Stamp) -> None:
    """Write a stage's stamp, atomically."""
    path = _path(root, stage, event)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, stamp.to_json())


def remove_stamp(root: Path, stage: str, event: str) -> None:
    """Remove a stage's stamp if it exists."""
    _path(root, stage, event).unlink(missing_ok=True)


def _path(root: Path, stage: str, event: str) -> Path:
    return root / STAMPS / f"{stage}.{event}.json"
