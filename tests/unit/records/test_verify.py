"""``verify.json``: what the gate found of each file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgefit.errors import RunError
from edgefit.records.verify import Agreement, VerifyRecord


def test_what_was_not_compared_is_absent_and_what_is_not_defined_is_null() -> None:
    broken = Agreement(finite=False, max_abs_difference=None, margins=(), drop=None)
    assert broken.to_json() == {
        "finite": False, "max_abs_difference": None, "margins": [], "drop": None,
    }  # fmt: skip
    scored = broken.model_copy(update={"novelty_difference": None})
    assert scored.to_json() == broken.to_json() | {"novelty_difference": None}
    assert Agreement.model_validate(scored.to_json()) == scored


def test_a_file_is_read_and_written_again_equal(finished: Path) -> None:
    text = VerifyRecord.path_in(finished).read_text(encoding="utf-8")
    again = json.dumps(VerifyRecord.read(finished).to_json(), indent=2, ensure_ascii=False) + "\n"
    assert again == text


def test_keys_are_those_that_earlier_releases_wrote(finished: Path) -> None:
    facts = json.loads(VerifyRecord.path_in(finished).read_text(encoding="utf-8"))
    assert list(facts) == ["images", "config", "passed", "failed", "variants"]


def test_an_unknown_key_names_the_file_and_the_key(finished: Path, tmp_path: Path) -> None:
    facts = VerifyRecord.read(finished).to_json() | {"nonsense": 1}
    copy = VerifyRecord.path_in(tmp_path)
    copy.parent.mkdir()
    copy.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(RunError) as caught:
        VerifyRecord.read(tmp_path)
    assert (caught.value.path, caught.value.key) == (str(copy), "nonsense")


def test_a_verdict_is_found_by_the_name_of_its_variant(finished: Path) -> None:
    record = VerifyRecord.read(finished)
    for verdict in record.variants:
        assert record.verdict(verdict.variant) == verdict
    assert record.verdict("openvino/int4") is None
    assert set(record.passed) == {v.variant for v in record.variants if v.passed}
