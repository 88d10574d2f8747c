from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from edgefit.records.calibrate import TemperatureChoice
from edgefit.report import decisions
from edgefit.report.facts import RunFacts, gather
from edgefit.report.limits import limits
from tests.changed import changed_facts
from tests.unit.report.finished_run import VARIANTS, Finished, MakeRun, entry

TWO = ("good", "dent")
THRESHOLD = ["operating.good=good", "operating.max_escape=0.02"]


def facts_of(finished: Finished) -> RunFacts:
    return gather(finished.run, finished.manifest)


def counted(value: float) -> dict[str, Any]:
    return {**entry(value), "count": 4, "images": 40}


def test_every_network_has_its_own_rates(make_run: MakeRun) -> None:
    facts = facts_of(make_run(TWO, per_class=40, overrides=THRESHOLD))
    facts = changed_facts(
        facts, {"verification.variants.3.operating.threshold.escape_rate": counted(0.1)}
    )
    shown = decisions.decisions(facts)["threshold"]
    names = [row["name"] for row in shown["rows"]]
    assert names == ["validation, trained network", "trained network", *map(str, VARIANTS)]
    assert shown["rows"][-1]["escape"] == "10.0 % (8.0 to 12.0 %), 4 of 40"
    assert shown["rows"][-2]["escape"] != shown["rows"][-1]["escape"]
    assert "called dent at a probability of 0.2 or more" in shown["said"]
    assert "within 2.00 %" in shown["why"]
    assert "17 independent groups" in shown["why"]


def test_head_shows_the_recommended_files_own_rates(make_run: MakeRun) -> None:
    facts = facts_of(make_run(TWO, per_class=40, overrides=THRESHOLD))
    facts = changed_facts(
        facts, {"verification.variants.3.operating.threshold.escape_rate": counted(0.1)}
    )
    tile = decisions.tile(facts)
    assert tile is not None
    assert (tile["whose"], tile["escape"]) == ("openvino/int8", "10.00 %")
    facts = changed_facts(facts, {"verification.variants.3.operating": None})
    tile = decisions.tile(facts)
    assert tile is not None
    assert tile["whose"] == "trained network"


def test_no_threshold_no_rates(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    assert decisions.tile(facts) is None
    assert decisions.decisions(facts)["threshold"] is None


def test_threshold_without_a_limit_claims_no_bound(make_run: MakeRun) -> None:
    facts = facts_of(make_run(TWO, overrides=["operating.good=good"]))
    assert "limits neither rate" in decisions.decisions(facts)["threshold"]["why"]
    assert any(
        "no threshold was chosen to let few defects escape" in text for text in limits(facts)
    )


def test_file_whose_outputs_were_not_finite_is_not_measured(make_run: MakeRun) -> None:
    facts = facts_of(make_run(TWO, overrides=[*THRESHOLD, "operating.coverage=0.9"]))
    facts = changed_facts(facts, {"verification.variants.1.operating": None})
    shown = decisions.decisions(facts)
    assert shown["threshold"]["rows"][3]["escape"] == "not measured"
    assert shown["conformal"]["rows"][2]["unsure"] == "not measured"
    assert shown["novelty"]["rows"][2]["flagged"] == "not measured"
    assert shown["calibration"]["rows"][3]["after"] == "-"


def test_calibration_before_and_after_is_that_of_validation_and_test(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    error = "operating.calibration.before.expected_calibration_error"
    facts = changed_facts(facts, {error: entry(0.2)})
    shown = decisions.decisions(facts)["calibration"]
    assert shown["rows"][0]["before"] == "20.0 % (18.0 to 22.0 %)"
    assert shown["rows"][1]["before"] not in ("-", shown["rows"][0]["before"])
    assert {row["before"] for row in shown["rows"][2:]} == {"-"}
    assert "temperature of 1.370" in shown["said"]
    off = facts_of(make_run(overrides=["operating.temperature=false"]))
    assert "logits are unchanged" in decisions.decisions(off)["calibration"]["said"]


def test_limits_name_what_the_threshold_was_chosen_on(make_run: MakeRun) -> None:
    facts = facts_of(make_run(TWO, per_class=40, overrides=THRESHOLD, wrong=0.0))
    (text,) = [text for text in limits(facts) if text.startswith("The threshold was chosen")]
    assert "10 defects and 10 good images of validation (17 independent groups" in text
    assert not any("above the limit of" in text for text in limits(facts))


def test_rate_above_its_limit_is_a_limit(make_run: MakeRun) -> None:
    facts = facts_of(make_run(TWO, per_class=40, overrides=THRESHOLD, wrong=0.0))
    place = "operating.threshold.escape_rate"
    for number in (1, 3):  # the first of them is in no bundle
        facts = changed_facts(facts, {f"verification.variants.{number}.{place}": counted(0.1)})
    (text,) = [text for text in limits(facts) if "above the limit of" in text]
    assert "openvino/int8 10.0 %" in text
    assert "onnxruntime/int8" not in text


def test_coverage_below_what_was_asked_and_many_unsure_are_limits(make_run: MakeRun) -> None:
    facts = facts_of(make_run(overrides=["operating.coverage=0.9"]))
    place = "evaluation.operating.conformal"
    facts = changed_facts(
        facts, {f"{place}.coverage": counted(0.8), f"{place}.unsure": counted(0.3)}
    )
    said = " ".join(limits(facts))
    assert "cover less than the requested 90.0 %: trained network 80.0 %" in said
    assert "left to a person: trained network 30.0 %" in said


def test_what_is_said_of_unknown_pictures_fits_the_operating_point(
    make_run: MakeRun, tmp_path: Path
) -> None:
    def said(*overrides: str) -> str:
        facts = facts_of(make_run(overrides=list(overrides)))
        return next(text for text in limits(facts) if text.startswith("It knows only"))

    assert "still gets one of them, and nothing flags it" in said("operating.novelty=false")
    assert "or is called unsure" in said("operating.novelty=false", "operating.coverage=0.9")
    assert "was not measured" in said()
    assert "of general images" in said(f"retention.general={tmp_path}")


@pytest.mark.parametrize("named", [True, False])
def test_novelty_is_compared_with_general_images_where_there_are(
    make_run: MakeRun, tmp_path: Path, named: bool
) -> None:
    (tmp_path / "general").mkdir()
    overrides = [f"retention.general={tmp_path / 'general'}"] if named else []
    shown = decisions.decisions(facts_of(make_run(overrides=overrides)))["novelty"]
    assert shown["out_of_domain"] == named
    assert (shown["rows"][0]["auc"] == "not measured") != named


def test_a_temperature_that_was_not_applied_is_told_with_its_reason(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    reason = "Temperature scaling is not applied: it would raise the error."
    choice = TemperatureChoice(
        fitted=1.6, applied=False, reason=reason, error_unscaled=0.07, error_fitted=0.11
    )
    operating = facts.operating.model_copy(update={"temperature": 1.0, "scaling": choice})
    facts = dataclasses.replace(facts, operating=operating)
    assert decisions.decisions(facts)["calibration"]["said"] == (
        f"The logits are unchanged. {reason}"
    )
    whole = facts.evaluation.metrics["expected_calibration_error"].model_copy(
        update={"value": 0.2, "low": 0.1, "high": 0.3}
    )
    metrics = {**facts.evaluation.metrics, "expected_calibration_error": whole}
    poor = dataclasses.replace(
        facts, evaluation=facts.evaluation.model_copy(update={"metrics": metrics})
    )
    assert any("one temperature does not improve that" in text for text in limits(poor))
