"""What the suites share: calls timed in turn, and the result file that ``schema.json`` states."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edgefit.records.record import Record
from edgefit.run import RunFolder


def time_in_turn(
    calls: Mapping[str, Callable[[], object]], *, rounds: int, runs: int, warmup: int = 3
) -> dict[str, list[float]]:
    """Time calls interleaved: A B C, A B C, ... so that each sees the same of the machine.

    Each turn makes ``warmup`` untimed and ``runs`` timed calls, so that a call does not pay for
    the caches that the one before it filled.

    Returns:
        For each name its ``rounds * runs`` samples in milliseconds, in the order measured.
    """
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            for _ in range(warmup):
                call()
            for _ in range(runs):
                begin = time.perf_counter_ns()
                call()
                samples[name].append((time.perf_counter_ns() - begin) / 1e6)
    return samples


def figure(
    name: str,
    samples: list[float],
    *,
    unit: str = "ms",
    better: Literal["lower", "higher"] = "lower",
    parameters: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One measured quantity with its median, spread and raw samples."""
    low, median, high = np.percentile(samples, [25, 50, 75])
    return {
        "name": name,
        "unit": unit,
        "better": better,
        "median": round(float(median), 6),
        "spread": round(float((high - low) / median), 4) if median else 0.0,
        "samples": [round(sample, 6) for sample in samples],
        "parameters": parameters or {},
    }


def against(one: dict[str, Any], peer: dict[str, Any]) -> dict[str, Any]:
    """The figure with its ratio to a peer of the same run."""
    return one | {"peer": peer["name"], "ratio": round(one["median"] / peer["median"], 4)}


def write_result(
    out: Path | None, suite: str, command: str, figures: list[dict[str, Any]], notes: list[str]
) -> None:
    """Print a summary, and write the result file where ``--out`` says."""
    from edgefit.bench.machine import machine_fingerprint

    for one in figures:
        ratio = f"  {one['ratio']:.3f} of {one['peer']}" if "ratio" in one else ""
        reached = f"  goal {one['goal']}: {one['reached']}" if "goal" in one else ""
        print(f"{one['name']:<58} {one['median']:9.4f} {one['unit']}{ratio}{reached}")
    if out is None:
        return
    result = {
        "format": 1,
        "suite": suite,
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": command,
        "commit": commit(),
        "machine": machine_fingerprint().to_json(),
        "figures": figures,
        "notes": notes,
    }
    out.write_text(result_text(result), encoding="utf-8")
    print(f"written to {out}")


def result_text(result: dict[str, Any]) -> str:
    """A result as JSON text, each figure's samples on one line."""
    text = json.dumps(result, indent=1, allow_nan=False)
    text = re.sub(r"\[[-\d.,\se]+\]", lambda found: re.sub(r"\s+", " ", found.group()), text)
    return text + "\n"


def commit() -> str:
    """The commit of the checkout, ``-dirty`` where files are changed."""
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return asked.stdout.strip() or "unknown"


def facts_of(record: type[Record], run: RunFolder) -> dict[str, Any]:
    """What a stage or a study left in a run, as plain data."""
    facts: dict[str, Any] = json.loads(record.path_in(run.root).read_text(encoding="utf-8"))
    return facts
