"""The part of a report that a task supplies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from edgefit.report.facts import RunFacts
from edgefit.report.row import Row


@dataclass(frozen=True)
class Templates:
    """The task's own parts of page and card, files in ``report/``; None if it has none.

    Attributes:
        results: Below the table of metrics on the page.
        drawings: Below the results by column on the page.
        decisions: The section of the page on the operating point.
        mistakes: The section of the page with images.
        card: Below the table of metrics on the card.
    """

    results: str | None = None
    drawings: str | None = None
    decisions: str | None = None
    mistakes: str | None = None
    card: str | None = None


class ReportTask(Protocol):
    """The part of a report that only a task can write; stateless."""

    @property
    def templates(self) -> Templates:
        """Where the values of :meth:`shared` and :meth:`drawings` are shown."""
        ...

    def purpose(self, facts: RunFacts) -> str:
        """What the model does, in a sentence."""
        ...

    def shared(self, facts: RunFacts) -> Row:
        """Values for page and card; ``rates``, for the head, is always present, maybe None."""
        ...

    def drawings(self, facts: RunFacts) -> Row:
        """Values for the page alone: drawings and images."""
        ...

    def weaknesses(self, facts: RunFacts) -> Iterator[str]:
        """Weaknesses that the held-out images show, in sentences, the gravest first."""
        ...

    def unlike_the_training(self, facts: RunFacts) -> Iterator[str]:
        """What happens to an image that is unlike all training images, in sentences."""
        ...
