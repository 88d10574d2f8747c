"""JSON files of a run as plain data, for tests that look at them or spoil them."""

from __future__ import annotations

import json
from typing import Any

from edgefit.records.record import write_json
from edgefit.run import RunFolder


def read_file(run: RunFolder, stage: str, name: str) -> dict[str, Any]:
    """What a stage's file holds."""
    facts: dict[str, Any] = json.loads((run.root / stage / name).read_text(encoding="utf-8"))
    return facts


def write_file(run: RunFolder, stage: str, name: str, facts: dict[str, Any]) -> None:
    """Write a stage's file, whatever it holds."""
    write_json(run.stage_dir(stage) / name, facts)
