from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.records.verify import Agreement
from edgefit.report import sections
from edgefit.report.facts import RunFacts, gather
from edgefit.report.limits import limits
from tests.benchmark_records import failed
from tests.changed import changed_facts
from tests.unit.report.finished_run import Finished, MakeRun


def facts_of(finished: Finished) -> RunFacts:
    return gather(finished.run, finished.manifest)


def test_worst_class_comes_first(make_run: MakeRun) -> None:
    finished = make_run(per_class=40, wrong=0.0)
    facts = facts_of(finished)
    facts = changed_facts(facts, {"evaluation.per_class.1.recall.value": 0.3})
    assert [row["label"] for row in sections.class_rows(facts)] == ["scratch", "dent", "good"]


def test_class_without_test_images_comes_last(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    absent = {"support": 0, "recall": {"value": None, "low": None, "high": None}}
    facts = changed_facts(
        facts, {f"evaluation.per_class.0.{name}": value for name, value in absent.items()}
    )
    rows = sections.class_rows(facts)
    assert rows[-1]["label"] == "good"
    assert rows[-1]["recall"] == "not defined"
    assert any("Never tested" in text and "good" in text for text in limits(facts))


def test_most_frequent_mistake_is_named(make_run: MakeRun) -> None:
    facts = facts_of(make_run(wrong=0.2))
    by_label = {row["label"]: row for row in sections.class_rows(facts)}
    assert by_label["good"]["taken_for"].startswith("scratch")
    pairs = {(p["truth"], p["answer"]) for p in sections.confusions(facts)}
    assert pairs == {("good", "scratch"), ("scratch", "dent"), ("dent", "good")}


def test_gate_shows_the_worst_batch_size(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    worse = {"max_abs_difference": 0.5, "top1_flips": 9, "drop": 0.01}
    facts = changed_facts(
        facts, {f"verification.variants.3.batches.3.{name}": v for name, v in worse.items()}
    )
    row = sections.gate_rows(facts)[3]
    assert row["difference"] == 0.5
    assert row["flips"] == 9
    assert row["drop"].startswith("+1.00")


def test_variant_whose_outputs_were_not_finite_has_a_row(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    broken = Agreement(finite=False, max_abs_difference=None, margins=(), drop=None)
    facts = changed_facts(facts, {"verification.variants.1.batches": {"1": broken.to_json()}})
    row = sections.gate_rows(facts)[1]
    assert (row["difference"], row["flips"], row["drop"]) == (None, None, "not defined")


def test_worst_class_and_group_of_the_recommended_file_stand_in_the_head(
    make_run: MakeRun,
) -> None:
    facts = facts_of(make_run())
    figure = {"value": 0.4, "low": 0.2, "high": 0.7}
    per_class = dict.fromkeys(("precision", "recall", "f1"), figure)
    place = "verification.variants.3"
    group = {"column": "camera", "value": "north", "images": 7, "accuracy": figure}
    worst_class = {"label": "dent", "support": 9, **per_class}
    facts = changed_facts(
        facts, {f"{place}.worst_class": worst_class, f"{place}.worst_group": group}
    )
    worst = sections.headline(facts)["worst"]
    assert (worst["whose"], worst["label"], worst["value"]) == ("openvino/int8", "dent", "40.0 %")
    assert worst["interval"] == "With 95 % confidence, between 20.0 and 70.0 %."
    assert (worst["group"]["column"], worst["group"]["value"]) == ("camera", "north")
    assert worst["group"]["images"] == "7 images"
    assert sections.gate_rows(facts)[3]["worst_class"] == "dent: 40.0 %"


def test_warnings_of_the_gate_are_shown(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    said = "escape rate 3 % is above the limit"
    facts = changed_facts(facts, {"verification.variants.3.warnings": [said]})
    assert sections.gate_rows(facts)[3]["warnings"] == (said,)
    assert sections.gate_rows(facts)[0]["warnings"] == ()


def test_variants_are_ordered_by_latency(make_run: MakeRun) -> None:
    rows = sections.variant_rows(facts_of(make_run()))
    assert [row["name"] for row in rows] == ["openvino/int8", "openvino/fp32", "onnxruntime/fp32"]
    assert [row["recommended"] for row in rows] == [True, False, False]


def test_variant_that_could_not_be_measured_is_last_and_named(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    *others, last = facts.benchmark.variants
    variants = [*others, failed(last.variant, "/home/somebody/secret")]
    benchmark = facts.benchmark.model_copy(update={"variants": variants})
    facts = replace(facts, benchmark=benchmark)
    assert sections.variant_rows(facts)[-1]["p50"] is None
    assert any("openvino/int8" in t and "could not be measured" in t for t in limits(facts))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("none", "random weights"),
        ("imagenet", "download.pytorch.org"),
        ("/home/somebody/w.pth", "the file w.pth."),
    ],
)
def test_licence_fits_the_base_weights(make_run: MakeRun, source: str, said: str) -> None:
    facts = changed_facts(facts_of(make_run()), {"training.weights.source": source})
    text = " ".join(sections.licence(facts))
    assert said in text
    assert "BSD-3-Clause" in text
    assert ("non-commercial" in text) == (source != "none")
    assert "/home" not in text


def test_results_by_column_are_worst_first(make_run: MakeRun) -> None:
    facts = facts_of(make_run(overrides=["evaluate.by=[group]"]))
    (table,) = sections.breakdowns(facts)
    values: NDArray[np.float64] = np.array([row["entry"].value for row in table["rows"]])
    assert table["column"] == "group"
    assert len(values) == 9
    assert (np.diff(values) >= 0).all()
