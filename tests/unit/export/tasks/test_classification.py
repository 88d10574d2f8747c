"""The keys that openvino-model-api reads in the file of a classifier."""

from __future__ import annotations

from edgefit.export.tasks import TASKS
from edgefit.spec import CLASSIFICATION, OUTPUTS, LabelMap


def test_every_task_says_which_model_it_is() -> None:
    assert set(TASKS) == set(OUTPUTS)
    for task in TASKS.values():
        assert task.model_api_facts(LabelMap(("a", "b")))["model_type"]


def test_a_classifier_gives_raw_scores_of_all_classes() -> None:
    facts = TASKS[CLASSIFICATION].model_api_facts(LabelMap(("no entry", "yield")))
    assert facts == {
        "model_type": "Classification",
        "labels": "no_entry yield",
        "label_ids": "0 1",
        "multilabel": "False",
        "hierarchical": "False",
        "output_raw_scores": "True",
        "confidence_threshold": "0.0",
        "topk": "1",
    }
