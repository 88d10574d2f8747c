"""``operating.json``: the operating point and why it was chosen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefit.errors import RunError
from edgefit.records.calibrate import CalibrateRecord
from tests.unit.report.finished_run import write_run


def test_a_threshold_without_a_limit_has_no_bound_in_the_file(tmp_path: Path) -> None:
    run = write_run(tmp_path, ("good", "dent"), overrides=["operating.good=good"]).run
    facts = json.loads(CalibrateRecord.path_in(run.root).read_text(encoding="utf-8"))["threshold"]
    assert list(facts) == [
        "good", "defect", "value", "chosen_for", "limit", "upper_bound", "escape_rate",
        "overkill_rate",
    ]  # fmt: skip
    assert facts["limit"] is None and facts["upper_bound"] is None


def test_a_file_is_read_and_written_again_equal(finished: Path) -> None:
    text = CalibrateRecord.path_in(finished).read_text(encoding="utf-8")
    again = (
        json.dumps(CalibrateRecord.read(finished).to_json(), indent=2, ensure_ascii=False) + "\n"
    )
    assert again == text


def test_keys_are_those_that_earlier_releases_wrote(finished: Path) -> None:
    facts = json.loads(CalibrateRecord.path_in(finished).read_text(encoding="utf-8"))
    assert list(facts) == [
        "images",
        "groups",
        "temperature",
        "calibration",
        "threshold",
        "conformal",
        "novelty",
        "notes",
        "warnings",
    ]


def test_an_unknown_key_names_the_file_and_the_key(finished: Path, tmp_path: Path) -> None:
    facts = CalibrateRecord.read(finished).to_json() | {"nonsense": 1}
    copy = CalibrateRecord.path_in(tmp_path)
    copy.parent.mkdir()
    copy.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(RunError) as caught:
        CalibrateRecord.read(tmp_path)
    assert (caught.value.path, caught.value.key) == (str(copy), "nonsense")
