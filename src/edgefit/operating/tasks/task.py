"""What is asked of a task where outputs become decisions."""

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
        references: What the rule compares features with; ``calibrate`` writes each to ``NAME.npy``.
    """

    record: CalibrateRecord
    references: References = field(default_factory=dict)


class OperatingTask(Protocol):
    """The rules of a task; without state, so that one object serves every run."""

    @property
    def reference_names(self) -> tuple[str, ...]:
        """Names of all references that :meth:`choose` may give."""
        ...

    def check(self, config: OperatingConfig, labels: LabelMap) -> None:
        """Refuse what the recipe asks for and these classes cannot have.

        Raises:
            InputError: It names the key.
        """
        ...

    def reference_images(self, truth: Sequence[Truth], recipe: Recipe) -> NDArray[np.int64]:
        """Positions of the training images whose outputs :meth:`choose` needs, rising.

        Args:
            truth: Of all training images.
            recipe: What is asked for; no images are needed where it does not ask for them.
        """
        ...

    def choose(
        self, validation: LabelledOutputs, reference: LabelledOutputs | None, recipe: Recipe
    ) -> Choice:
        """Choose the rule.

        Args:
            validation: All the network's outputs for the validation images, before any
                temperature.
            reference: The same for the images of :meth:`reference_images`; None where there are
                none.
            recipe: What is asked for.

        Raises:
            GateError: Validation holds too few images to support it.
        """
        ...

    def rule(self, chosen: CalibrateRecord) -> Rule:
        """The rule as the device reads it."""
        ...

    def scored(self, outputs: Outputs, references: References) -> dict[str, NDArray[np.float32]]:
        """The outputs with what the rule reads of them in place of the features.

        ``feature_vector`` (N, F) goes; where the references score it, ``novelty`` (N,) comes.
        """
        ...

    def measure(
        self,
        rule: Rule,
        found: LabelledOutputs,
        out_of_domain: Outputs | None,
        bootstrap: Bootstrap,
    ) -> Decisions:
        """What the rule does with outputs, every rate with its interval.

        Args:
            rule: The rule.
            found: Scored outputs and the truth.
            out_of_domain: Scored outputs for images that show something else, if there are any.
            bootstrap: How intervals are made.
        """
        ...

    def measure_trained(
        self,
        chosen: CalibrateRecord,
        found: LabelledOutputs,
        out_of_domain: Outputs | None,
        bootstrap: Bootstrap,
    ) -> TrainedDecisions:
        """The same with the trained network's own outputs, and what calibration changed."""
        ...

    def broken_limits(self, measured: Decisions, config: OperatingConfig) -> list[str]:
        """Where outputs do not keep the limits of the recipe, in words; empty where they do."""
        ...

    def summary(self, chosen: CalibrateRecord) -> list[str]:
        """The choice in words, a line each."""
        ...
