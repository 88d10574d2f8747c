"""Committed results fit the schema, and the schema refuses what must not be committed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edgefit.bench.machine import machine_fingerprint

FOLDER = Path(__file__).parents[3] / "benchmarks"
RESULTS = sorted((FOLDER / "results").glob("*.json"))
VALIDATOR = jsonschema.Draft202012Validator(json.loads((FOLDER / "schema.json").read_text()))


def _result() -> dict[str, Any]:
    return {
        "format": 1,
        "suite": "preprocess",
        "date": "2026-01-31T12:00:00+00:00",
        "command": "python -m benchmarks.preprocess",
        "commit": "0123abc",
        "machine": machine_fingerprint().to_json(),
        "figures": [
            {
                "name": "shrink 1280x720 to 224x224",
                "unit": "ms",
                "better": "lower",
                "median": 0.8,
                "spread": 0.1,
                "samples": [0.7, 0.8, 0.9],
                "peer": "cv2.INTER_AREA",
                "ratio": 0.9,
                "goal": "1 ms or less",
                "reached": True,
            }
        ],
        "notes": [],
    }


def test_schema_is_a_schema_and_takes_a_whole_result() -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    VALIDATOR.validate(_result())


def test_a_system_may_be_silent_about_instructions_and_load() -> None:
    result = _result()
    result["machine"] |= {"flags": None, "load_average": None}
    VALIDATOR.validate(result)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.pop("machine"),
        lambda r: r.pop("commit"),
        lambda r: r["machine"].update(hostname="somewhere"),
        lambda r: r["machine"].pop("versions"),
        lambda r: r["figures"].clear(),
        lambda r: r["figures"][0].pop("samples"),
        lambda r: r["figures"][0].update(samples=[]),
        lambda r: r["figures"][0].pop("peer"),
        lambda r: r["figures"][0].pop("reached"),
        lambda r: r.update(date="yesterday"),
    ],
)
def test_incomplete_results_are_refused(spoil: Callable[[dict[str, Any]], object]) -> None:
    result = copy.deepcopy(_result())
    spoil(result)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(result)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_committed_results_fit(path: Path) -> None:
    VALIDATOR.validate(json.loads(path.read_text(encoding="utf-8")))
