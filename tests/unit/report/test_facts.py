"""What the stages of a run wrote, read once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgefit.errors import RunError
from edgefit.records.train import TrainRecord
from edgefit.records.verify import VerifyRecord
from edgefit.report.facts import RunFacts, gather
from tests.unit.report.finished_run import Finished, MakeRun


def facts_of(finished: Finished) -> RunFacts:
    return gather(finished.run, finished.manifest)


def test_probabilities_of_another_table_are_refused(make_run: MakeRun) -> None:
    finished = make_run()
    path = finished.run.root / "evaluate" / "probabilities.npz"
    np.savez(path, probabilities=finished.probabilities_NC[:3])
    with pytest.raises(RunError, match="another table") as caught:
        facts_of(finished)
    assert caught.value.remedy is not None
    assert "evaluate" in caught.value.remedy


def test_absent_stage_is_named(make_run: MakeRun) -> None:
    finished = make_run()
    (finished.run.root / "benchmark" / "benchmark.json").unlink()
    with pytest.raises(RunError, match="benchmark"):
        facts_of(finished)


def test_facts_are_those_of_the_run(make_run: MakeRun) -> None:
    finished = make_run()
    facts = facts_of(finished)
    assert facts.training == TrainRecord.read(finished.run.root)
    assert facts.verification == VerifyRecord.read(finished.run.root)
    assert facts.labels == ["good", "scratch", "dent"]
    assert facts.confidence == "95 %"
    assert facts.metric == finished.run.recipe().verify.metric
    np.testing.assert_array_equal(facts.outputs["probabilities"], finished.probabilities_NC)
    assert all(sample.split == "test" for sample in facts.test.samples)
    assert (facts.retention, facts.comparison, facts.learning_curve) == (None, None, None)
    assert facts.left_out == ()


def test_the_recommended_variant_is_the_manifests(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    assert str(facts.recommended.key) == facts.manifest.recommended["default"]
    nothing = facts.manifest.model_copy(update={"recommended": {}})
    assert replace(facts, manifest=nothing).recommended == facts.manifest.variants[0]


def test_a_measurement_is_found_by_its_variant(make_run: MakeRun) -> None:
    facts = facts_of(make_run())
    for entry in facts.benchmark.measured:
        assert facts.measured(entry.variant) == entry
    assert facts.measured("openvino/int4") is None
