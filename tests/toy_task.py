"""A toy task, entered in the tables from outside: how bright is a frame?

Its graph gives one number a frame, ``brightness`` (N), 0 to 1. No file of ``src`` knows of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pytest
from pydantic import JsonValue

from edgefit.bundle import Bundle
from edgefit.runtime.images.caption import with_caption
from edgefit.runtime.images.geometry import Placement
from edgefit.runtime.tasks import TASKS, Cell, Change, Comparison
from edgefit.spec import (
    OUTPUTS,
    RULES,
    Frame,
    LabelMap,
    Outputs,
    OutputSpec,
    Prediction,
    References,
    Rule,
    Task,
    VariantKey,
)

BRIGHTNESS = Task("brightness")
LABELS = LabelMap(("dark", "bright"))


@dataclass(frozen=True)
class BrightnessRule(Rule):
    """Bright from ``limit`` on."""

    kind: Literal["brightness"] = field(default="brightness", kw_only=True)
    limit: float = 0.5

    @classmethod
    def plain(cls) -> Self:
        return cls()

    @property
    def decides(self) -> bool:
        return self.limit != 0.5

    def check(self, labels: LabelMap) -> None:
        assert labels == LABELS


@dataclass(frozen=True)
class BrightnessPrediction(Prediction):
    """How bright a frame is, 0 to 1."""

    brightness: float


class BrightnessColumns:
    """One number, and what the rule makes of it."""

    names = ("brightness", "decision")

    def cells(self, prediction: Prediction | None) -> Sequence[Cell]:
        return list(self._of(prediction).values())

    def facts(self, prediction: Prediction | None) -> dict[str, JsonValue]:
        return dict(self._of(prediction))

    def _of(self, prediction: Prediction | None) -> dict[str, float | str | None]:
        if prediction is None:
            return {"brightness": None, "decision": None}
        assert isinstance(prediction, BrightnessPrediction)
        return {"brightness": round(prediction.brightness, 6), "decision": prediction.decision}


class BrightnessTask:
    """An ``edgefit.runtime.tasks.RuntimeTask``."""

    def wanted(self, rule: Rule) -> tuple[str, ...]:
        return ("brightness",)

    def references(self, bundle: Bundle) -> References:
        return {}

    def decode(
        self,
        outputs: Outputs,
        placement: Placement,
        frame_size: tuple[int, int],
        labels: LabelMap,
        rule: Rule,
        references: References,
    ) -> BrightnessPrediction:
        assert isinstance(rule, BrightnessRule)
        (value,) = outputs["brightness"].tolist()
        decision = labels.names[int(value >= rule.limit)]
        return BrightnessPrediction(value, decision=decision)

    def columns(self, labels: LabelMap, rule: Rule, *, top: int) -> BrightnessColumns:
        return BrightnessColumns()

    def draw(self, frame: Frame, prediction: Prediction) -> Frame:
        return with_caption(frame, prediction.decision)

    def compare(
        self, expected: Outputs, found: Outputs, labels: LabelMap, key: VariantKey
    ) -> Comparison:
        before, after = expected["brightness"], found["brightness"]
        rows = np.flatnonzero((before >= 0.5) != (after >= 0.5)).tolist()
        changes = [Change(row, str(before[row]), str(after[row]), 0.0, False) for row in rows]
        return Comparison(float(np.abs(after - before).max()), 1e-3, tuple(changes))


def enter_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter the task in the tables of ``spec`` and ``runtime`` for one test."""
    output = OutputSpec("brightness", ("N",), "share of white, 0 to 1")
    monkeypatch.setitem(OUTPUTS, BRIGHTNESS, (output,))
    monkeypatch.setitem(RULES, BRIGHTNESS, BrightnessRule)
    monkeypatch.setitem(TASKS, BRIGHTNESS, BrightnessTask())


def write_brightness_onnx(path: Path, size: int) -> Path:
    """The graph: ``uint8`` (N, size, size, 3) to ``brightness`` ``float32`` (N)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "axes": np.array([1, 2, 3], np.int64),
        "white": np.array(255, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["frames"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["grey"], keepdims=0),
        helper.make_node("Div", ["grey", "white"], ["brightness"]),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", size, size, 3])],
        [helper.make_tensor_value_info("brightness", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path
