"""What every model file says about itself, so that it stays usable outside its bundle.

ONNX files carry it as ``metadata_props``, OpenVINO files as ``rt_info/model_info`` with the keys
that openvino-model-api reads; :mod:`edgefit.export.tasks` adds the keys of the task
(https://github.com/open-edge-platform/model_api/blob/master/docs/source/guides/model-configuration.md).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from edgefit.export.tasks import TASKS
from edgefit.spec import Aspect, InputSpec, LabelMap, Rule, Task

_RESIZE_TYPE = {
    Aspect.STRETCH: "standard",
    Aspect.LETTERBOX: "fit_to_window_letterbox",
    Aspect.CROP: "crop",
}


@dataclass(frozen=True)
class ModelMetadata:
    """Facts embedded in each model file.

    Attributes:
        name: The recipe's name.
        task: What the model answers.
        labels: Class names in output order.
        spec: The input contract.
        temperature: Divisor of the logits inside the graph.
        operating: From outputs to decisions, after the graph.
    """

    name: str
    task: Task
    labels: LabelMap
    spec: InputSpec
    temperature: float
    operating: Rule | None = None

    def for_onnx(self) -> dict[str, str]:
        """Key -> text for ``metadata_props``."""
        facts: dict[str, object] = {
            "name": self.name,
            "task": str(self.task),
            "labels": list(self.labels.names),
            "labels_sha256": self.labels.sha256,
            "input": self.spec.to_dict(),
            "temperature": self.temperature,
            "producer": "edgefit",
        }
        if self.operating is not None:
            # the task already states the kind
            rule = {key: value for key, value in asdict(self.operating).items() if key != "kind"}
            facts["operating"] = rule
        return {
            f"edgefit.{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in facts.items()
        }

    def for_openvino(self) -> dict[str, str]:
        """Key -> text for ``rt_info/model_info``.

        The graph itself normalises and reorders, so model-api gets mean 0, scale 1, and the
        instruction to turn OpenCV's BGR into RGB.
        """
        return {
            **TASKS[self.task].model_api_facts(self.labels),
            "resize_type": _RESIZE_TYPE[self.spec.aspect],
            "pad_value": str(self.spec.pad_value),
            "mean_values": "0 0 0",
            "scale_values": "1 1 1",
            "reverse_input_channels": "True",
            "input_dtype": "u8",
            **{key.replace(".", "_"): value for key, value in self.for_onnx().items()},
        }
