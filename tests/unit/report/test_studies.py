from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.report import studies
from edgefit.report.facts import RunFacts, gather
from edgefit.report.limits import limits
from tests.run_files import read_file, write_file
from tests.unit.report.finished_run import (
    Finished,
    MakeRun,
    add_comparison,
    add_learning_curve,
    add_retention,
)


def facts_of(finished: Finished) -> RunFacts:
    return gather(finished.run, finished.manifest)


@pytest.fixture
def finished(make_run: MakeRun, tmp_path: Path) -> Finished:
    (tmp_path / "general").mkdir()
    return make_run(overrides=[f"retention.general={tmp_path / 'general'}"])


def test_run_without_studies_has_none(finished: Finished) -> None:
    facts = facts_of(finished)
    assert studies.retention(facts) is None
    assert studies.comparison(facts) is None
    assert studies.learning_curve(facts) is None
    assert facts.left_out == ()


def test_retention_before_and_after(finished: Finished) -> None:
    add_retention(finished, kept=0.93)
    shown = studies.retention(facts_of(finished))
    assert shown is not None
    assert shown["rows"][1]["before"] == "80.0 % (78.0 to 82.0 %)"
    assert shown["rows"][1]["kept"] == "93.0 % (91.0 to 95.0 %)"
    assert not any("poorer start" in text for text in limits(facts_of(finished)))


def test_much_forgotten_is_a_limit(finished: Finished) -> None:
    add_retention(finished, kept=0.6)
    assert any(
        "keeps 60.0 % (58.0 to 62.0 %) of what" in text for text in limits(facts_of(finished))
    )


def test_retention_of_other_images_is_left_out_and_said(finished: Finished) -> None:
    add_retention(finished)
    facts = gather(finished.run, finished.manifest, retention_is_current=False)
    assert studies.retention(facts) is None
    assert any("Retention was measured with other" in text for text in limits(facts))


def test_comparison_and_curve_of_other_data_are_left_out_and_said(
    finished: Finished,
) -> None:
    add_comparison(finished)
    add_learning_curve(finished)
    assert studies.learning_curve(facts_of(finished)) is not None
    studies_in_it = {"retention": "comparison.json", "learning-curve": "learning-curve.json"}
    for folder, name in studies_in_it.items():
        known = read_file(finished.run, folder, name)
        write_file(finished.run, folder, name, known | {"data_fingerprint": "another"})
    facts = facts_of(finished)
    assert studies.comparison(facts) is None
    assert studies.learning_curve(facts) is None
    assert sum("other data than the current data" in text for text in limits(facts)) == 2


def test_remedies_have_their_settings_gain_and_worst_class(finished: Finished) -> None:
    add_comparison(finished)
    shown = studies.comparison(facts_of(finished))
    assert shown is not None
    none, distill = shown["rows"]
    assert (none["gain"], none["settings"]) == ("-", "")
    assert distill["gain"] == "-0.40 (-1.10 to +0.20)"
    assert distill["settings"] == "keep.distill=1.0"
    assert distill["worst"] == "dent: 86.6 %"


def test_advantage_stands_beside_the_fine_tuned_point_only(finished: Finished) -> None:
    add_learning_curve(finished)
    shown = studies.learning_curve(facts_of(finished))
    assert shown is not None
    assert [row["advantage"] != "-" for row in shown["rows"]] == [True, False] * 3
    assert shown["rows"][0]["percent"] == "10 %"
