"""Records of calibrate, evaluate and verify: what a run holds is read, and written again equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from edgefit.errors import RunError
from edgefit.evaluate.saved import OutOfDomain, SavedOutputs, saved_path
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.evaluate import EvaluateRecord, NoveltyRates, Share
from edgefit.records.figures import Figure
from edgefit.records.record import Record
from edgefit.records.verify import Agreement, VerifyRecord
from tests.unit.report.finished_run import write_run

RECORDS: tuple[type[Record], ...] = (CalibrateRecord, EvaluateRecord, VerifyRecord)
EVERYTHING = [
    "operating.good=good",
    "operating.max_escape=0.02",
    "operating.coverage=0.9",
    "evaluate.by=[group]",
]
SHARE: dict[str, Any] = {"value": 0.5, "low": 0.2, "high": 0.8, "count": 2, "images": 4}


@pytest.fixture(scope="module", params=["plain", "everything"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a run that asks for nothing, and of one that asks for all."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "plain":
        return write_run(folder, overrides=["operating.novelty=false"]).run.root
    overrides = [*EVERYTHING, f"retention.general={folder}"]
    return write_run(folder, ("good", "dent"), per_class=40, overrides=overrides).run.root


@pytest.mark.parametrize("kind", RECORDS)
def test_a_file_is_read_and_written_again_equal(finished: Path, kind: type[Record]) -> None:
    text = kind.path_in(finished).read_text(encoding="utf-8")
    again = json.dumps(kind.read(finished).to_json(), indent=2, ensure_ascii=False) + "\n"
    assert again == text


def test_keys_are_those_that_earlier_releases_wrote(finished: Path) -> None:
    facts = json.loads(EvaluateRecord.path_in(finished).read_text(encoding="utf-8"))
    assert list(facts) == [
        "images", "groups", "confidence", "resamples", "metrics", "per_class", "confusion",
        "worst_class", "by", "worst_group", "operating",
    ]  # fmt: skip
    assert list(facts["operating"]) == ["calibration", "threshold", "conformal", "novelty"]
    assert list(facts["operating"]["calibration"]) == ["temperature", "before", "after"]
    facts = json.loads(CalibrateRecord.path_in(finished).read_text(encoding="utf-8"))
    assert list(facts) == [
        "images", "groups", "temperature", "calibration", "threshold", "conformal", "novelty",
        "notes", "warnings",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", RECORDS)
def test_an_unknown_key_names_the_file_and_the_key(
    finished: Path, tmp_path: Path, kind: type[Record]
) -> None:
    facts = kind.read(finished).to_json() | {"nonsense": 1}
    copy = kind.path_in(tmp_path)
    copy.parent.mkdir()
    copy.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(RunError) as caught:
        kind.read(tmp_path)
    assert (caught.value.path, caught.value.key) == (str(copy), "nonsense")


def test_a_threshold_without_a_limit_has_no_bound_in_the_file(tmp_path: Path) -> None:
    run = write_run(tmp_path, ("good", "dent"), overrides=["operating.good=good"]).run
    facts = json.loads(CalibrateRecord.path_in(run.root).read_text(encoding="utf-8"))["threshold"]
    assert list(facts) == [
        "good", "defect", "value", "chosen_for", "limit", "upper_bound", "escape_rate",
        "overkill_rate",
    ]  # fmt: skip
    assert facts["limit"] is None and facts["upper_bound"] is None


def test_out_of_domain_images_keep_their_name_in_the_file() -> None:
    figure = Figure(value=0.9, low=0.8, high=1.0)
    rates = NoveltyRates(
        flagged=Share(**SHARE), flagged_out_of_domain=Share(**SHARE), roc_auc=figure
    )
    facts = rates.to_json()
    assert list(facts) == ["flagged", "flagged_elsewhere", "roc_auc"]
    assert NoveltyRates.model_validate(facts) == rates
    assert list(NoveltyRates(flagged=Share(**SHARE)).to_json()) == ["flagged"]


def test_what_was_not_compared_is_absent_and_what_is_not_defined_is_null() -> None:
    broken = Agreement(finite=False, max_abs_difference=None, margins=(), drop=None)
    assert broken.to_json() == {
        "finite": False, "max_abs_difference": None, "margins": [], "drop": None,
    }  # fmt: skip
    scored = broken.model_copy(update={"novelty_difference": None})
    assert scored.to_json() == broken.to_json() | {"novelty_difference": None}
    assert Agreement.model_validate(scored.to_json()) == scored


class TestSavedOutputs:
    OUTPUTS: ClassVar = {
        "probabilities": np.full((3, 2), 0.5, np.float32),
        "logits": np.zeros((3, 2), np.float32),
    }

    def test_they_come_back(self, tmp_path: Path) -> None:
        others = OutOfDomain(("a/1.png",), np.array([0.7], np.float32))
        SavedOutputs(self.OUTPUTS, np.array([0.1, 0.2, 0.3], np.float32), others).write(tmp_path)
        found = SavedOutputs.read(tmp_path, images=3)
        assert list(found.outputs) == ["probabilities", "logits"]
        assert found.outputs["logits"].dtype == np.float32
        assert found.novelty_N is not None and found.novelty_N.shape == (3,)
        assert found.out_of_domain is not None
        assert found.out_of_domain.paths == ("a/1.png",)

    def test_a_file_of_an_earlier_release_has_no_logits(self, tmp_path: Path) -> None:
        saved_path(tmp_path).parent.mkdir()
        np.savez(
            saved_path(tmp_path),
            probabilities=self.OUTPUTS["probabilities"],
            elsewhere_novelty=np.array([0.7], np.float32),
            elsewhere_paths=np.array(["a/1.png"]),
        )
        found = SavedOutputs.read(tmp_path, images=3)
        assert list(found.outputs) == ["probabilities"]
        assert found.out_of_domain is not None and found.out_of_domain.paths == ("a/1.png",)

    def test_another_table_and_an_absent_file_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RunError, match="has not written this file"):
            SavedOutputs.read(tmp_path)
        SavedOutputs(self.OUTPUTS).write(tmp_path)
        with pytest.raises(RunError, match="another table"):
            SavedOutputs.read(tmp_path, images=4)
