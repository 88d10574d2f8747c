"""What model files say of themselves."""

from __future__ import annotations

import dataclasses
import json

import pytest

from edgefit.spec import Aspect, ClassificationRule, DefectThreshold, LabelMap, NoveltyRule
from tests.tiny_network import METADATA, SPEC


def test_onnx_facts_are_text_under_one_prefix() -> None:
    facts = METADATA.for_onnx()
    assert all(k.startswith("edgefit.") and isinstance(v, str) for k, v in facts.items())
    assert json.loads(facts["edgefit.input"]) == SPEC.to_dict()


@pytest.mark.parametrize(
    ("aspect", "resize"),
    [
        (Aspect.STRETCH, "standard"),
        (Aspect.LETTERBOX, "fit_to_window_letterbox"),
        (Aspect.CROP, "crop"),
    ],
)
def test_the_aspect_in_model_apis_words(aspect: Aspect, resize: str) -> None:
    spec = dataclasses.replace(SPEC, aspect=aspect, pad_value=7)
    facts = dataclasses.replace(METADATA, spec=spec).for_openvino()
    assert (facts["resize_type"], facts["pad_value"]) == (resize, "7")


def test_labels_with_spaces_stay_apart_for_model_api_and_whole_for_us() -> None:
    labels = LabelMap(("no entry", "a  b", "plain"))
    facts = dataclasses.replace(METADATA, labels=labels).for_openvino()
    assert facts["labels"].split(" ") == ["no_entry", "a__b", "plain"]
    assert facts["label_ids"] == "0 1 2"
    assert json.loads(facts["edgefit_labels"]) == list(labels.names)


def test_the_operating_point_is_inside_where_there_is_one() -> None:
    assert "edgefit.operating" not in METADATA.for_onnx()
    point = ClassificationRule(
        DefectThreshold("good", "dent", 0.25), novelty=NoveltyRule(0.3, "p.npy")
    )
    facts = dataclasses.replace(METADATA, operating=point)
    found = json.loads(facts.for_onnx()["edgefit.operating"])
    assert found["threshold"] == {"good": "good", "defect": "dent", "value": 0.25}
    assert found["conformal"] is None
    assert json.loads(facts.for_openvino()["edgefit_operating"]) == found
