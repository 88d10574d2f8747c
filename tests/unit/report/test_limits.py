"""What a model has not been shown to do: each limit where it holds, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgefit.report.facts import RunFacts, gather
from edgefit.report.limits import limits
from tests.changed import changed_facts
from tests.unit.report.finished_run import Finished, MakeRun


def facts_of(finished: Finished) -> RunFacts:
    return gather(finished.run, finished.manifest)


def test_worst_group_is_a_limit_where_it_is_weak(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    group = {"column": "camera", "value": "north", "images": 7}
    for value, said in ((0.4, True), (0.95, False)):
        accuracy = {"value": value, "low": 0.2, "high": 0.99}
        weak = changed_facts(facts, {"evaluation.worst_group": group | {"accuracy": accuracy}})
        assert any("7 images of camera north" in text for text in limits(weak)) == said


def test_findings_that_spoil_figures_are_limits(make_run: MakeRun) -> None:
    leak = {"level": "error", "code": "leak", "message": "2 pictures.", "paths": ["a", "b"]}
    assert "too good" in limits(facts_of(make_run(findings=[leak])))[0]


def test_small_test_set_is_a_limit_and_a_large_one_is_not(make_run: MakeRun) -> None:
    facts = facts_of(make_run(per_class=12))
    assert any("test set is small" in text for text in limits(facts))
    narrow = {"value": 0.99, "low": 0.985, "high": 0.995}
    facts = changed_facts(facts, {f"evaluation.metrics.{facts.metric}": narrow})
    assert not any("test set is small" in text for text in limits(facts))


def test_drop_that_may_exceed_the_limit_is_said(make_run: MakeRun) -> None:
    found = [text for text in limits(facts_of(make_run())) if "as large as 1.25 points" in text]
    assert len(found) == 1
    assert found[0].startswith("openvino/int8")


@pytest.mark.parametrize("code", ["leak", "label-conflict"])
def test_an_error_of_the_data_stands_first(make_run: MakeRun, code: str) -> None:
    found = {"level": "error", "code": code, "message": "2 images.", "paths": ["a", "b"]}
    first, *others = limits(facts_of(make_run(findings=[found])))
    assert first.startswith("The data check found an error")
    assert not any("The data check found an error" in text for text in others)


def test_images_that_could_not_be_read_are_counted(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    assert not any("could not be read" in text for text in limits(facts))
    unread = changed_facts(facts, {"check.unreadable": {"a.png": "empty", "b.png": "empty"}})
    assert any(text.startswith("2 images could not be read") for text in limits(unread))


def test_a_restless_benchmark_is_a_limit(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    assert not any("between rounds" in text for text in limits(facts))
    entry = facts.benchmark.measured[0].model_copy(update={"latency_spread": 0.5})
    restless = facts.benchmark.model_copy(update={"variants": [entry]})
    said = [text for text in limits(replace(facts, benchmark=restless)) if "between rounds" in text]
    assert len(said) == 1 and entry.variant in said[0] and "50 %" in said[0]


def test_what_failed_and_what_was_left_out_is_said(make_run: MakeRun) -> None:
    facts = replace(facts_of(make_run()), left_out=("Something is left out.",))
    found = limits(facts)
    assert found[-1] == "Something is left out."
    for name in facts.verification.failed:
        assert any(text.startswith(f"{name} did not pass the gate") for text in found)


def test_what_always_holds_is_always_said(make_run: MakeRun) -> None:
    found = limits(facts_of(make_run(per_class=40, wrong=0.0)))
    for words in ("Another camera", "measure again on the device", "one seed"):
        assert len([text for text in found if words.lower() in text.lower()]) == 1
