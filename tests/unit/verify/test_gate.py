"""The gate: each reason alone, the limit itself, and files that are really broken."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from edgefit.export.onnx_file import write_onnx
from edgefit.export.program import capture
from edgefit.metrics.labelled import Bootstrap
from edgefit.operating.novelty import class_prototypes, novelty_scores
from edgefit.recipe import VerifyConfig
from edgefit.records.verify import Agreement
from edgefit.runtime.tolerance import self_test_tolerance
from edgefit.spec import (
    CLASSIFICATION,
    ClassificationRule,
    ClassTruth,
    NoveltyRule,
    Outputs,
    VariantKey,
)
from edgefit.verify import gate
from edgefit.verify.gate import HeldOut, check_variant, judge, judge_novelty
from tests.changed import changed
from tests.tiny_network import LABELS, METADATA, SPEC
from tests.unit.conftest import Exported

FP32 = VariantKey.parse("onnxruntime/fp32")
INT8 = VariantKey.parse("onnxruntime/int8")
CONFIG = VerifyConfig(max_drop=0.5)
FEW = Bootstrap(resamples=100)
PERFECT = Agreement(finite=True, max_abs_difference=0.0, margins=(), drop=0.0)


# -- judge -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "changes", "said"),
    [
        (FP32, {}, None),
        (INT8, {}, None),
        (FP32, {"max_abs_difference": 0.01}, "probabilities differ by up to 0.01"),
        (INT8, {"max_abs_difference": 0.9}, None),
        (FP32, {"margins": [0.3, 1e-9]}, "1 confident predictions change class"),
        (FP32, {"margins": [1e-9]}, None),
        (INT8, {"margins": [0.9]}, None),
        (INT8, {"drop": 0.006}, "accuracy drops by 0.60 points"),
        (INT8, {"drop": -0.2}, None),
        (INT8, {"drop": None}, "accuracy cannot be measured"),
        (INT8, {"finite": False, "max_abs_difference": None, "drop": None}, "not finite"),
        (FP32, {"finite": False, "max_abs_difference": None, "drop": None}, "not finite"),
    ],
)
def test_each_reason_alone(key: VariantKey, changes: dict[str, Any], said: str | None) -> None:
    reasons = judge(changed(PERFECT, changes), key, CONFIG, CLASSIFICATION)
    if said is None:
        assert reasons == []
    else:
        (reason,) = reasons
        assert said in reason


def test_just_the_limits_pass() -> None:
    tolerance = self_test_tolerance(FP32)
    at_limit = {"max_abs_difference": tolerance, "margins": [2 * tolerance]}
    assert judge(changed(PERFECT, at_limit), FP32, CONFIG, CLASSIFICATION) == []
    assert 1.0 - 199 / 200 > 0.005  # how a drop of half a point comes out in binary
    assert judge(changed(PERFECT, {"drop": 1.0 - 199 / 200}), INT8, CONFIG, CLASSIFICATION) == []
    assert judge(changed(PERFECT, {"drop": 1.0 - 198 / 200}), INT8, CONFIG, CLASSIFICATION) != []
    assert (
        judge(changed(PERFECT, {"drop": 0.0}), INT8, VerifyConfig(max_drop=0), CLASSIFICATION) == []
    )


def test_reasons_add_up() -> None:
    found = Agreement(finite=True, max_abs_difference=0.5, margins=(0.4,), drop=0.3)
    assert len(judge(found, FP32, CONFIG, CLASSIFICATION)) == 3


# -- whole files -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def held_out(exported: Exported) -> HeldOut:
    groups_N = np.array([f"g{i // 4}" for i in range(len(exported.targets_N))])
    return HeldOut(
        CLASSIFICATION,
        exported.frames_NHWC,
        [ClassTruth(int(target)) for target in exported.targets_N],
        {"probabilities": exported.reference_NC},
        groups_N,
        LABELS,
        ClassificationRule(),
    )


def change_weights(source: Path, target: Path, change: Any) -> Path:
    """Copy an ONNX file with the tensors for which ``change`` gives other values."""
    model = onnx.load(source)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        changed = change(values)
        if changed is not None:
            tensor.CopyFrom(numpy_helper.from_array(changed.astype(values.dtype), tensor.name))
    onnx.save(model, target)
    return target


def swap_classes(values: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Exchange the first two classes of a head's weights or bias."""
    if values.shape in ((4, 16), (4,)):
        return values[[1, 0, 2, 3]]
    return values[:, [1, 0, 2, 3]] if values.shape == (16, 4) else None


@pytest.mark.parametrize("name", ["onnxruntime/fp32", "openvino/fp32", "onnxruntime/fp16"])
def test_good_files_pass(exported: Exported, held_out: HeldOut, name: str) -> None:
    entry = check_variant(
        exported.paths[name], VariantKey.parse(name), held_out, CONFIG, bootstrap=FEW
    )
    assert entry.passed, entry.reasons
    assert list(entry.batches) == ["1", "3"]
    assert entry.batches["1"].images == 41
    assert entry.batches["1"].drop == pytest.approx(0)
    assert entry.metrics["accuracy"].value > 0.9
    assert entry.engine["engine"] == name.split("/", maxsplit=1)[0]


def test_slightly_changed_weights_fail_as_fp32_and_pass_as_int8(
    exported: Exported, held_out: HeldOut, tmp_path: Path
) -> None:
    path = change_weights(
        exported.paths["onnxruntime/fp32"],
        tmp_path / "w.onnx",
        lambda v: v * 1.05 if v.shape == (16, 16, 3, 3) else None,
    )
    entry = check_variant(path, FP32, held_out, CONFIG, bootstrap=FEW)
    assert not entry.passed
    assert any("probabilities differ" in r for r in entry.reasons)
    assert check_variant(path, INT8, held_out, VerifyConfig(max_drop=5), bootstrap=FEW).passed


def test_exchanged_classes_fail_at_any_precision(
    exported: Exported, held_out: HeldOut, tmp_path: Path
) -> None:
    path = change_weights(
        exported.paths["onnxruntime/fp32"], tmp_path / "swapped.onnx", swap_classes
    )
    entry = check_variant(path, INT8, held_out, CONFIG, bootstrap=FEW)
    assert not entry.passed
    assert {r.split(":")[0] for r in entry.reasons} == {"batch 1", "batch 3"}
    assert all("accuracy drops by" in r for r in entry.reasons)
    assert entry.batches["1"].top1_flips >= 15
    reasons = check_variant(path, FP32, held_out, CONFIG, bootstrap=FEW).reasons
    assert len(reasons) == 6


@pytest.mark.parametrize("key", [FP32, INT8])
def test_outputs_that_are_not_numbers_fail(
    exported: Exported, held_out: HeldOut, tmp_path: Path, key: VariantKey
) -> None:
    path = change_weights(
        exported.paths["onnxruntime/fp32"],
        tmp_path / "nan.onnx",
        lambda v: np.full_like(v, np.nan) if v.shape == (16, 16, 3, 3) else None,
    )
    entry = check_variant(path, key, held_out, CONFIG, bootstrap=FEW)
    assert entry.reasons == tuple(
        f"batch {size}: the outputs contain numbers that are not finite" for size in (1, 3)
    )
    assert entry.metrics == {}


def test_a_file_that_is_right_only_at_batch_one_fails(
    exported: Exported, held_out: HeldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnlyOne:
        def infer(self, frames_NHWC: NDArray[np.uint8], names: Sequence[str]) -> Outputs:
            assert list(names) == ["probabilities"]
            found = exported.reference_NC[self.at : self.at + len(frames_NHWC)].copy()
            self.at = (self.at + len(frames_NHWC)) % len(held_out.truth)
            return {"probabilities": found if len(frames_NHWC) == 1 else found[:, ::-1]}

        def describe(self) -> dict[str, str]:
            return {}

        at = 0

    monkeypatch.setattr(gate, "open_session", lambda *a, **k: OnlyOne())
    entry = check_variant(Path("x"), INT8, held_out, CONFIG, bootstrap=FEW)
    assert {r.split(":")[0] for r in entry.reasons} == {"batch 3"}


# -- novelty ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difference", "key", "passes"),
    [(5e-4, FP32, True), (2e-3, FP32, False), (0.3, INT8, True), (None, INT8, False)],
)
def test_novelty_of_fp32_files_is_that_of_the_network(
    difference: float | None, key: VariantKey, passes: bool
) -> None:
    assert (judge_novelty(difference, key) == []) == passes


def test_scores_of_this_very_file_are_compared_and_measured(
    exported: Exported, held_out: HeldOut, tmp_path: Path
) -> None:
    path = tmp_path / "features.onnx"
    write_onnx(capture(exported.network, SPEC, features=True), path, METADATA, opset=18)
    with torch.inference_mode():
        features_NF = exported.network.features(torch.from_numpy(exported.frames_NHWC)).numpy()
    prototypes_CF = class_prototypes(features_NF, exported.targets_N, 4)
    scores_N = novelty_scores(features_NF, prototypes_CF)
    point = ClassificationRule(novelty=NoveltyRule(float(np.median(scores_N)), "p.npy"))
    changes: dict[str, Any] = {
        "rule": point,
        "references": {"prototypes": prototypes_CF},
        "reference": dict(held_out.reference) | {"novelty": scores_N},
        "out_of_domain_MHWC": np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), np.uint8),
        "columns": {"group": held_out.groups_N},
    }
    entry = check_variant(
        path, FP32, dataclasses.replace(held_out, **changes), CONFIG, bootstrap=FEW
    )
    assert entry.passed, entry.reasons
    assert entry.batches["1"].novelty_difference < 1e-4
    assert "novelty_difference" not in entry.batches["3"].to_json()
    assert entry.operating.novelty.flagged.count in (19, 20, 21)
    assert entry.operating.novelty.flagged_out_of_domain.images == 6
    further = dict(held_out.reference) | {"novelty": scores_N + 0.1}
    off = dataclasses.replace(held_out, **changes | {"reference": further})
    wrong = check_variant(path, FP32, off, CONFIG, bootstrap=FEW)
    assert any("novelty scores differ by up to 0.1" in reason for reason in wrong.reasons)
