"""What a task provides to measure outputs."""

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
    """The metrics of a task; stateless, so one object serves every run."""

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that ``verify.metric`` may name; higher is better for each."""
        ...

    @property
    def headline(self) -> str:
        """The metric to show where only one has room."""
        ...

    def check(self, name: str, labels: LabelMap) -> None:
        """Refuse a metric that is undefined for these classes.

        Raises:
            RecipeError: The metric is undefined; the error names the key.
        """
        ...

    def evaluate(self, found: LabelledOutputs, bootstrap: Bootstrap) -> Evaluation:
        """Measure outputs; every figure has an interval.

        Raises:
            InputError: Outputs and truth do not fit each other.
        """
        ...

    def worst_group(
        self, found: LabelledOutputs, columns: Mapping[str, NDArray[np.str_]], confidence: float
    ) -> GroupFigures | None:
        """The worst group; None where no group is large enough.

        Args:
            found: The outputs.
            columns: Name -> each image's value, (N,); images that share a value are one group.
            confidence: Confidence of the interval, 0 to 1.
        """
        ...

    def agreement(self, reference: Outputs, candidate: Outputs) -> Agreement:
        """How far a file's outputs agree with those of the trained network; needs no truth."""
        ...

    def departures(self, found: Agreement, tolerance: float) -> list[str]:
        """How outputs depart from the network's own, in words; empty where they agree.

        Args:
            found: From :meth:`agreement`, finite.
            tolerance: Largest difference that rounding may cause.
        """
        ...

    def paired_drop(
        self, name: str, reference: LabelledOutputs, candidate: Outputs, bootstrap: Bootstrap
    ) -> Figure:
        """How much a metric drops from the reference to the candidate, with a paired interval.

        Args:
            name: One of :attr:`names`.
            reference: The trained network's outputs and the truth.
            candidate: A file's outputs for the same images.
            bootstrap: Settings of the interval.

        Returns:
            The drop, positive where the candidate is worse; None where it is undefined.

        Raises:
            InputError: There is no such metric, or the outputs do not fit each other.
        """
        ...
