"""``evaluation.json``: what the trained network does on held-out images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgefit.errors import RunError
from edgefit.records.evaluate import EvaluateRecord, NoveltyRates, Share
from edgefit.records.figures import Figure

SHARE: dict[str, Any] = {"value": 0.5, "low": 0.2, "high": 0.8, "count": 2, "images": 4}


def test_out_of_domain_images_keep_their_name_in_the_file() -> None:
    figure = Figure(value=0.9, low=0.8, high=1.0)
    rates = NoveltyRates(
        flagged=Share(**SHARE), flagged_out_of_domain=Share(**SHARE), roc_auc=figure
    )
    facts = rates.to_json()
    assert list(facts) == ["flagged", "flagged_elsewhere", "roc_auc"]
    assert NoveltyRates.model_validate(facts) == rates
    assert list(NoveltyRates(flagged=Share(**SHARE)).to_json()) == ["flagged"]


def test_a_file_is_read_and_written_again_equal(finished: Path) -> None:
    text = EvaluateRecord.path_in(finished).read_text(encoding="utf-8")
    again = json.dumps(EvaluateRecord.read(finished).to_json(), indent=2, ensure_ascii=False) + "\n"
    assert again == text


def test_keys_are_those_that_earlier_releases_wrote(finished: Path) -> None:
    facts = json.loads(EvaluateRecord.path_in(finished).read_text(encoding="utf-8"))
    assert list(facts) == [
        "images",
        "groups",
        "confidence",
        "resamples",
        "metrics",
        "per_class",
        "confusion",
        "worst_class",
        "by",
        "worst_group",
        "operating",
    ]
    assert list(facts["operating"]) == ["calibration", "threshold", "conformal", "novelty"]
    assert list(facts["operating"]["calibration"]) == ["temperature", "before", "after"]


def test_an_unknown_key_names_the_file_and_the_key(finished: Path, tmp_path: Path) -> None:
    facts = EvaluateRecord.read(finished).to_json() | {"nonsense": 1}
    copy = EvaluateRecord.path_in(tmp_path)
    copy.parent.mkdir()
    copy.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(RunError) as caught:
        EvaluateRecord.read(tmp_path)
    assert (caught.value.path, caught.value.key) == (str(copy), "nonsense")
