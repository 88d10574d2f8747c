"""What is asked of a task where outputs are measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.records.evaluate import Evaluation, GroupFigures
from edgefit.records.figures import Figure
from edgefit.records.verify import Agreement
from edgefit.spec import LabelMap, Outputs


class MetricsTask(Protocol):
    """The metrics of a task; without state, so that one object serves every run."""

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that ``verify.metric`` may name; more is better for each."""
        ...

    @property
    def headline(self) -> str:
        """The metric to show where there is room for one."""
        ...

    def check(self, name: str, labels: LabelMap) -> None:
        """Refuse a metric that these classes cannot have.

        Raises:
            RecipeError: It names the key.
        """
        ...

    def evaluate(self, found: LabelledOutputs, bootstrap: Bootstrap) -> Evaluation:
        """Measure outputs, every figure with its interval.

        Raises:
            InputError: Outputs and truth do not fit each other.
        """
        ...

    def worst_group(
        self, found: LabelledOutputs, columns: Mapping[str, NDArray[np.str_]], confidence: float
    ) -> GroupFigures | None:
        """The group that fares worst; None where none is large enough.

        Args:
            found: The outputs.
            columns: Name -> each image's value, (N,); images of one value are one group.
            confidence: Confidence of the interval, 0 to 1.
        """
        ...

    def agreement(self, reference: Outputs, candidate: Outputs) -> Agreement:
        """How far a file's outputs agree with those of the trained network; needs no truth."""
        ...

    def departures(self, found: Agreement, tolerance: float) -> list[str]:
        """Why outputs that must be the network's own are not, in words; empty where they are.

        Args:
            found: From :meth:`agreement`, finite.
            tolerance: Largest difference that rounding may make.
        """
        ...

    def paired_drop(
        self, name: str, reference: LabelledOutputs, candidate: Outputs, bootstrap: Bootstrap
    ) -> Figure:
        """How much a metric drops from the reference to the candidate, measured in pairs.

        Args:
            name: One of :attr:`names`.
            reference: The trained network's outputs and the truth.
            candidate: A file's outputs for the same images.
            bootstrap: How the interval is made.

        Returns:
            The drop, positive where the candidate is worse; None where it is not defined.

        Raises:
            InputError: No such metric, or the outputs do not fit each other.
        """
        ...
