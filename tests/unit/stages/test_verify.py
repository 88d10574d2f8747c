"""The stage ``verify``: every exported file against the network, and what a recipe requires."""

from __future__ import annotations

from typing import Any

import pytest

from edgefit.errors import GateError
from edgefit.evaluate.saved import SavedOutputs
from edgefit.metrics.labelled import Bootstrap
from edgefit.recipe import VerifyConfig
from edgefit.records.evaluate import EvaluateRecord
from edgefit.records.verify import Agreement, GateSettings, VerifyRecord
from edgefit.run import RunFolder
from edgefit.spec import (
    VariantKey,
)
from edgefit.stages.verify import require, verify
from tests.stamps import is_done

FP32 = VariantKey.parse("onnxruntime/fp32")
INT8 = VariantKey.parse("onnxruntime/int8")
CONFIG = VerifyConfig(max_drop=0.5)
FEW = Bootstrap(resamples=100)
PERFECT = Agreement(finite=True, max_abs_difference=0.0, margins=(), drop=0.0)


SETTINGS = GateSettings(metric="accuracy", max_drop=0.5, batch_sizes=(1,), required="any")


def verified(*passed: str, **failed: tuple[str, ...]) -> VerifyRecord:
    return VerifyRecord(images=9, config=SETTINGS, passed=passed, failed=failed, variants=())


DROPS = {"openvino/int8": ("batch 1: it drops",)}


PASSED = verified("onnxruntime/fp32", **DROPS)


NONE = verified(**DROPS)


@pytest.mark.parametrize(
    ("results", "required"),
    [
        (PASSED, "any"),
        (verified("a"), "all"),
        (PASSED, ["onnxruntime/fp32"]),
        (verified("a", "b"), ["a", "b"]),
    ],
)
def test_what_passed_is_enough(results: VerifyRecord, required: Any) -> None:
    assert require(results, VerifyConfig.model_construct(required=required)) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("results", "required", "told"),
    [
        (NONE, "any", "openvino/int8: batch 1: it drops"),
        (PASSED, "all", "openvino/int8: batch 1: it drops"),
        (PASSED, ["openvino/int8"], "openvino/int8: batch 1: it drops"),
        (PASSED, ["openvino/fp32"], "- openvino/fp32:"),
    ],
)
def test_what_is_required_and_did_not_pass_is_told_with_its_reasons(
    results: VerifyRecord, required: Any, told: str
) -> None:
    with pytest.raises(GateError, match="did not pass the gate") as caught:
        require(results, VerifyConfig(required=required))
    assert caught.value.exit_code == 1
    assert caught.value.key == "verify.required"
    assert told in str(caught.value)


@pytest.mark.slow
def test_every_exported_file_gets_a_verdict(draft: RunFolder) -> None:
    found = verify(draft)
    assert found == VerifyRecord.read(draft.root)
    assert found.passed == ("onnxruntime/fp32", "openvino/fp32")
    assert found.failed == {}
    trained = EvaluateRecord.read(draft.root)
    assert found.images == trained.images
    for entry in found.variants:
        assert entry.metrics["accuracy"] == trained.metrics["accuracy"]
        assert entry.operating is not None
        assert entry.operating.threshold == trained.operating.threshold
        assert set(entry.batches) == {str(size) for size in draft.recipe().verify.batch_sizes}
    assert is_done(draft, "verify")


@pytest.mark.slow
def test_a_file_that_answers_otherwise_fails_and_the_stage_still_ends(draft: RunFolder) -> None:
    saved = SavedOutputs.read(draft.root)
    turned = {name: values[:, ::-1].copy() for name, values in saved.outputs.items()}
    SavedOutputs(turned, saved.novelty_N).write(draft.root)
    found = verify(draft)
    assert found.passed == ()
    assert set(found.failed) == {"onnxruntime/fp32", "openvino/fp32"}
    for reasons in found.failed.values():
        assert any("probabilities differ" in reason for reason in reasons)
    assert is_done(draft, "verify")
    with pytest.raises(GateError):
        require(found, draft.recipe().verify)
