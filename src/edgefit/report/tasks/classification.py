"""A classifier's part of the report: classes, confusions, decisions, confident mistakes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgefit.report import decisions, sections
from edgefit.report.class_limits import unknown_images, weaknesses
from edgefit.report.facts import RunFacts
from edgefit.report.row import Row
from edgefit.report.tasks.task import Templates
from edgefit.report.words import shortened

_MOST_NAMES_IN_A_SENTENCE = 8


class ClassificationReport:
    """A :class:`edgefit.report.tasks.ReportTask`."""

    templates = Templates(
        results="page_classes.html.j2",
        drawings="page_confusion.html.j2",
        decisions="page_decisions.html.j2",
        mistakes="page_mistakes.html.j2",
        card="card_classes.md.j2",
    )

    def purpose(self, facts: RunFacts) -> str:
        """Which classes it tells apart."""
        names = [shortened(name, 40) for name in facts.labels]
        listed = ", ".join(names[:_MOST_NAMES_IN_A_SENTENCE])
        if len(names) > _MOST_NAMES_IN_A_SENTENCE:
            listed += f" and {len(names) - _MOST_NAMES_IN_A_SENTENCE} more"
        return f"Tells which of {len(names)} classes an image shows: {listed}."

    def shared(self, facts: RunFacts) -> Row:
        """Results of each class, and the effect of the operating point."""
        return {
            "classes": sections.class_rows(facts),
            "decisions": decisions.decisions(facts),
            "rates": decisions.tile(facts),
        }

    def drawings(self, facts: RunFacts) -> Row:
        """Confusion matrix, reliability diagram, and images with their answers."""
        from edgefit.report import plots, thumbnails

        answers = thumbnails.answers_of(facts)
        return {
            "confusion_plot": plots.confusion(facts.evaluation.confusion, facts.labels),
            "reliability_plot": plots.reliability(answers.confidence_N, answers.right_N),
            "confusions": sections.confusions(facts),
            "mistakes": thumbnails.mistakes(facts),
            "mistake_count": int(np.count_nonzero(~answers.right_N)),
            "golden": thumbnails.golden_frames(facts),
        }

    def weaknesses(self, facts: RunFacts) -> Iterator[str]:
        """Weak classes and groups, rates above their limits, unreliable confidence."""
        return weaknesses(facts)

    def unlike_the_training(self, facts: RunFacts) -> Iterator[str]:
        """It knows only its classes."""
        return unknown_images(facts)
