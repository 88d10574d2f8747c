"""What a task provides to turn outputs into decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.recipe import OperatingConfig, Recipe
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.evaluate import Decisions, TrainedDecisions
from edgefit.spec import LabelMap, Outputs, References, Rule, Truth


@dataclass(frozen=True)
class Choice:
    """What was chosen on validation.

    Attributes:
        record: The rule, and why it was chosen.
        references: Arrays that the rule compares features with; ``calibrate`` writes each to
            ``NAME.npy``.
    """

    record: CalibrateRecord
    references: References = field(default_factory=dict)


class OperatingTask(Protocol):
    """The rules of a task; stateless, so one object serves every run."""

    @property
    def reference_names(self) -> tuple[str, ...]:
        """Names of all references that :meth:`choose` may return."""
        ...

    def check(self, config: OperatingConfig, labels: LabelMap) -> None:
        """Refuse settings of the recipe that these classes do not support.

        Raises:
            InputError: A setting is not supported; the error names its key.
        """
        ...

    def reference_images(self, truth: Sequence[Truth], recipe: Recipe) -> NDArray[np.int64]:
        """Positions of the training images whose outputs :meth:`choose` needs, ascending.

        Args:
            truth: Of all training images.
            recipe: The recipe; the result is empty where it does not need any.
        """
        ...

    def choose(
        self, validation: LabelledOutputs, reference: LabelledOutputs | None, recipe: Recipe
    ) -> Choice:
        """Choose the rule.

        Args:
            validation: All outputs of the network for the validation images, before any
                temperature.
            reference: The same for the images of :meth:`reference_images`; None where that is
                empty.
            recipe: The recipe.

        Raises:
            GateError: Validation holds too few images to support it.
        """
        ...

    def rule(self, chosen: CalibrateRecord) -> Rule:
        """The rule as the device reads it."""
        ...

    def scored(self, outputs: Outputs, references: References) -> dict[str, NDArray[np.float32]]:
        """The outputs with the scores that the rule reads in place of the features.

        This removes ``feature_vector`` (N, F) and adds ``novelty`` (N,) where the references score
        it.
        """
        ...

    def measure(
        self,
        rule: Rule,
        found: LabelledOutputs,
        out_of_domain: Outputs | None,
        bootstrap: Bootstrap,
    ) -> Decisions:
        """Measure what the rule does with outputs; every rate has an interval.

        Args:
            rule: The rule.
            found: Scored outputs and the truth.
            out_of_domain: Scored outputs for images that show something else, if there are any.
            bootstrap: Settings of the intervals.
        """
        ...

    def measure_trained(
        self,
        chosen: CalibrateRecord,
        found: LabelledOutputs,
        out_of_domain: Outputs | None,
        bootstrap: Bootstrap,
    ) -> TrainedDecisions:
        """The same for the trained network's own outputs, and what calibration changed."""
        ...

    def broken_limits(self, measured: Decisions, config: OperatingConfig) -> list[str]:
        """Which limits of the recipe the outputs exceed, in words; empty where they exceed none."""
        ...

    def summary(self, chosen: CalibrateRecord) -> list[str]:
        """The choice in words, one line per item."""
        ...
