"""Classification on the device: probabilities become a class, and a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from edgefit.bundle import Bundle
from edgefit.errors import InputError, StageError
from edgefit.operating.novelty import novelty_scores
from edgefit.operating.threshold import UNDECIDED, decide
from edgefit.runtime.images.caption import ALARM, NEUTRAL, WARNING, with_caption
from edgefit.runtime.images.geometry import Placement
from edgefit.runtime.tasks.prototypes import read_prototypes
from edgefit.runtime.tasks.task import Cell, Change, Comparison
from edgefit.runtime.tolerance import may_flip, self_test_tolerance
from edgefit.spec import (
    FEATURE_VECTOR,
    PROBABILITIES,
    UNSURE,
    ClassificationRule,
    ClassPrediction,
    Frame,
    LabelMap,
    Outputs,
    Prediction,
    References,
    Rule,
    VariantKey,
)

_PROTOTYPES = "prototypes"


class ClassificationTask:
    """A :class:`edgefit.runtime.tasks.RuntimeTask`."""

    def wanted(self, rule: Rule) -> tuple[str, ...]:
        """Probabilities, and the features where novelty is scored."""
        scored = ClassificationRule.of(rule).novelty is not None
        return (PROBABILITIES.name, FEATURE_VECTOR.name) if scored else (PROBABILITIES.name,)

    def references(self, bundle: Bundle) -> References:
        """The class prototypes ``float32`` (C, F), where novelty is scored.

        Raises:
            BundleError: The manifest does not list the file, or its content does not fit.
        """
        novelty = ClassificationRule.of(bundle.operating).novelty
        return {} if novelty is None else {_PROTOTYPES: read_prototypes(bundle, novelty.prototypes)}

    def decode(
        self,
        outputs: Outputs,
        placement: Placement,
        frame_size: tuple[int, int],
        labels: LabelMap,
        rule: Rule,
        references: References,
    ) -> ClassPrediction:
        """The most probable class of one frame, and the rule's decision.

        Raises:
            StageError: The graph's number of classes differs from the bundle's class list.
        """
        own = ClassificationRule.of(rule)
        probabilities_C = outputs[PROBABILITIES.name][0]
        if probabilities_C.shape != (len(labels),):
            raise StageError(
                "The graph's output does not match the bundle's class list.",
                expected=f"{len(labels)} probabilities",
                found=probabilities_C.shape,
            )
        (decision,) = decide(probabilities_C[np.newaxis], own, labels)
        prediction = replace(
            ClassPrediction.from_probabilities(probabilities_C, labels),
            decision=UNSURE if decision == UNDECIDED else labels.names[decision],
        )
        if own.novelty is None:
            return prediction
        scores_N = novelty_scores(outputs[FEATURE_VECTOR.name], references[_PROTOTYPES])
        novelty = float(scores_N[0])
        return replace(prediction, novelty=novelty, is_novel=novelty > own.novelty.threshold)

    def columns(self, labels: LabelMap, rule: Rule, *, top: int) -> ClassificationColumns:
        """Label, confidence, the ``top`` most probable classes, and the rule's own columns.

        Raises:
            InputError: ``top`` is below 1.
        """
        if top < 1:
            raise InputError("top is out of range.", key="top", expected="1 or more", found=top)
        return ClassificationColumns(labels, ClassificationRule.of(rule), min(top, len(labels)))

    def draw(self, frame: Frame, prediction: Prediction) -> Frame:
        """The frame with a strip below it: decision, label and confidence, novelty."""
        own = _own(prediction)
        text = f"{own.label} {own.confidence:.0%}"
        if own.decision != own.label:
            text = f"{own.decision} ({text})"
        if own.is_novel:
            text += ", novel"
        colour = ALARM if own.is_novel else WARNING if own.unsure else NEUTRAL
        return with_caption(frame, text, colour)

    def compare(
        self, expected: Outputs, found: Outputs, labels: LabelMap, key: VariantKey
    ) -> Comparison:
        """Largest difference of any probability, and the frames whose class changes."""
        # float32 values are exact in float64, and so are their differences
        expected_NC = expected[PROBABILITIES.name].astype(np.float64)
        found_NC = found[PROBABILITIES.name].astype(np.float64)
        rows = enumerate(zip(expected_NC, found_NC, strict=True))
        changes = [_change(row, *pair, labels, key) for row, pair in rows]
        return Comparison(
            float(np.abs(found_NC - expected_NC).max()),
            self_test_tolerance(key),
            tuple(change for change in changes if change is not None),
        )


@dataclass(frozen=True)
class ClassificationColumns:
    """What a sink writes for a class prediction; an :class:`edgefit.runtime.tasks.Columns`.

    It writes ``decision`` where that may differ from ``label``, ``unsure`` where there is a reject
    rule, and ``novelty`` and ``novel`` where there is a novelty rule.

    Attributes:
        labels: Class names in output order.
        rule: The bundle's rule.
        top: Number of most probable classes to list, at most C.
    """

    labels: LabelMap
    rule: ClassificationRule
    top: int

    @property
    def names(self) -> Sequence[str]:
        """``label``, ``confidence``, ``top1``, ``top1_p`` ..., and the rule's own columns."""
        ranks = [name for k in range(1, self.top + 1) for name in (f"top{k}", f"top{k}_p")]
        return ["label", "confidence", *ranks, *self._decided(None)]

    def cells(self, prediction: Prediction | None) -> Sequence[Cell]:
        """One row, all cells empty where the frame has an error."""
        if prediction is None:
            return [None] * len(self.names)
        own = _own(prediction)
        ranks = [cell for ranked in own.top(self.top, self.labels) for cell in ranked]
        return [own.label, own.confidence, *ranks, *self._decided(own).values()]

    def facts(self, prediction: Prediction | None) -> dict[str, JsonValue]:
        """``label``, ``confidence``, ``top`` (``[label, probability]``, best first), rule keys."""
        own = None if prediction is None else _own(prediction)
        ranked = [] if own is None else own.top(self.top, self.labels)
        return {
            "label": None if own is None else own.label,
            "confidence": None if own is None else round(own.confidence, 6),
            "top": [[label, round(p, 6)] for label, p in ranked],
            **self._decided(own),
        }

    def _decided(self, prediction: ClassPrediction | None) -> dict[str, Cell]:
        """What the rule adds to a record; None where the frame has an error."""
        of = prediction
        facts: dict[str, Cell] = {}
        if self.rule.decides:
            facts["decision"] = None if of is None else of.decision
        if self.rule.conformal is not None:
            facts["unsure"] = None if of is None else of.unsure
        if self.rule.novelty is not None:
            score = None if of is None else of.novelty
            facts["novelty"] = None if score is None else round(score, 6)
            facts["novel"] = None if of is None else of.is_novel
        return facts


def _own(prediction: Prediction) -> ClassPrediction:
    if not isinstance(prediction, ClassPrediction):
        raise TypeError(f"a classifier does not give a {type(prediction).__name__}")
    return prediction


def _change(
    row: int,
    expected_C: NDArray[np.float64],
    found_C: NDArray[np.float64],
    labels: LabelMap,
    key: VariantKey,
) -> Change | None:
    was, now = int(np.argmax(expected_C)), int(np.argmax(found_C))
    if was == now:
        return None
    second, first = np.sort(expected_C)[-2:]
    margin = float(first - second)
    return Change(row, labels.names[was], labels.names[now], margin, may_flip(margin, key))
