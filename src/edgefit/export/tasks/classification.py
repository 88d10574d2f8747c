"""What openvino-model-api reads from the model file of a classifier."""

from __future__ import annotations

from edgefit.spec import LabelMap


class ClassificationExport:
    """An :class:`edgefit.export.tasks.ExportTask`."""

    def model_api_facts(self, labels: LabelMap) -> dict[str, str]:
        """Keys of its ``ClassificationModel``.

        That class splits labels at spaces, so spaces inside a name become ``_``.
        """
        return {
            "model_type": "Classification",
            "labels": " ".join(name.replace(" ", "_") for name in labels.names),
            "label_ids": " ".join(str(i) for i in range(len(labels))),
            "multilabel": "False",
            "hierarchical": "False",
            "output_raw_scores": "True",
            "confidence_threshold": "0.0",
            "topk": "1",
        }
