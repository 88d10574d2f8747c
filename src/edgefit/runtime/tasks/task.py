"""What a task provides to the device: read outputs, columns for sinks, draw, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from edgefit.bundle import Bundle
from edgefit.runtime.images.geometry import Placement
from edgefit.spec import Frame, LabelMap, Outputs, Prediction, References, Rule, VariantKey

Cell = str | float | bool | None
"""A value of a table; None is an empty cell."""


class Columns(Protocol):
    """What a sink writes for a prediction, as a nested record and as a flat row."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the cells of a row."""
        ...

    def cells(self, prediction: Prediction | None) -> Sequence[Cell]:
        """One row; None where the frame has an error."""
        ...

    def facts(self, prediction: Prediction | None) -> dict[str, JsonValue]:
        """One JSON record; None where the frame has an error."""
        ...


@dataclass(frozen=True)
class Change:
    """A frame whose answer is not the expected one.

    Attributes:
        row: Position of the frame among those compared.
        expected: The expected answer, in words of the task: a class, a number of boxes.
        found: The answer now.
        margin: How clear the expected answer was, in the unit of the task's outputs.
        allowed: Whether the margin is small enough for rounding to change the answer.
    """

    row: int
    expected: str
    found: str
    margin: float
    allowed: bool


@dataclass(frozen=True)
class Comparison:
    """Answers of a variant on this machine, compared with those from its verification.

    Attributes:
        max_abs_difference: Largest difference of any value; NaN where a value is not finite.
        tolerance: Largest difference that still passes.
        changes: Frames whose answer changed.
    """

    max_abs_difference: float
    tolerance: float
    changes: tuple[Change, ...]

    @property
    def passed(self) -> bool:
        """Whether all differences are within the tolerance and every change is allowed."""
        # NaN is never within a tolerance: `x <= y` is false for it.
        within = self.max_abs_difference <= self.tolerance
        return within and all(change.allowed for change in self.changes)


class RuntimeTask(Protocol):
    """A task on the device; stateless, so one object serves every bundle."""

    def wanted(self, rule: Rule) -> tuple[str, ...]:
        """Names of the graph's outputs that :meth:`decode` needs under this rule."""
        ...

    def references(self, bundle: Bundle) -> References:
        """The arrays that the bundle's rule compares features with; empty where it uses none.

        Raises:
            BundleError: The manifest does not list a file, or its content does not fit.
        """
        ...

    def decode(
        self,
        outputs: Outputs,
        placement: Placement,
        frame_size: tuple[int, int],
        labels: LabelMap,
        rule: Rule,
        references: References,
    ) -> Prediction:
        """Read the outputs of one frame.

        Args:
            outputs: The wanted outputs of one frame, N = 1.
            placement: Where the frame is in the network's input.
            frame_size: Width and height of the frame, pixels.
            labels: Class names in output order.
            rule: The bundle's rule.
            references: From :meth:`references`.

        Raises:
            StageError: The outputs do not fit the bundle.
        """
        ...

    def columns(self, labels: LabelMap, rule: Rule, *, top: int) -> Columns:
        """What a sink writes for each prediction.

        Args:
            labels: Class names in output order.
            rule: The bundle's rule; a record leaves out keys that the rule does not use.
            top: How many answers to list where a task ranks them.

        Raises:
            InputError: ``top`` is below 1.
        """
        ...

    def draw(self, frame: Frame, prediction: Prediction) -> Frame:
        """The frame, ``uint8`` (H, W, 3) RGB, with the prediction drawn, as a new array."""
        ...

    def compare(
        self, expected: Outputs, found: Outputs, labels: LabelMap, key: VariantKey
    ) -> Comparison:
        """Compare the outputs of the golden frames with those expected.

        Args:
            expected: The task's outputs, N frames.
            found: The same outputs, of the same shapes.
            labels: Class names in output order.
            key: The variant, which decides how far rounding may go.
        """
        ...
