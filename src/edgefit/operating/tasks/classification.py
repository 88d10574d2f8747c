"""Classification: temperature, threshold, reject option and novelty, chosen and measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics.classification import Floats, Integers
from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.metrics.reliability import calibration
from edgefit.metrics.tasks.classification import class_targets
from edgefit.operating.calibration_warnings import price_warnings, temperature_warnings
from edgefit.operating.conformal import conformal_quantile
from edgefit.operating.decisions import measure_decisions, threshold_rates
from edgefit.operating.novelty import (
    NOVELTY,
    class_prototypes,
    novelty_scores,
    novelty_threshold,
)
from edgefit.operating.scaling import choose_temperature
from edgefit.operating.tasks.task import Choice
from edgefit.operating.temperature import softmax
from edgefit.operating.threshold import LIMIT_CONFIDENCE, Rate, choose_threshold, operating_labels
from edgefit.recipe import OperatingConfig, Recipe
from edgefit.records.calibrate import (
    BeforeAfter,
    CalibrateRecord,
    ConformalChoice,
    NoveltyChoice,
    ThresholdChoice,
)
from edgefit.records.evaluate import Decisions, Reliability, TemperatureEffect, TrainedDecisions
from edgefit.spec import (
    FEATURE_VECTOR,
    PROBABILITIES,
    UNSURE,
    ClassificationRule,
    ConformalRule,
    DefectThreshold,
    LabelMap,
    NoveltyRule,
    Outputs,
    References,
    Rule,
    Truth,
)

LOGITS = "logits"
PROTOTYPES = "prototypes"
PROTOTYPES_IN_BUNDLE = "operating/prototypes.npy"

_PROTOTYPE_IMAGES = 64
"""Training images per class behind its mean direction; more images change it very little."""

_KEY_OF: Final[dict[Rate, Literal["max_escape", "max_overkill"]]] = {
    "escape": "max_escape",
    "overkill": "max_overkill",
}

_SEEN = (
    "The validation images were also used to choose the epoch that is kept, so results on them "
    "are slightly optimistic. Rely on the figures for the test images."
)


class ClassificationOperating:
    """An :class:`edgefit.operating.tasks.OperatingTask`."""

    reference_names = (PROTOTYPES,)

    def check(self, config: OperatingConfig, labels: LabelMap) -> None:
        """Refuse a threshold without two classes, and a class that is named ``unsure``."""
        if config.good is not None:
            operating_labels(labels, config.good)
        if config.coverage is not None and UNSURE in labels.names:
            raise InputError(
                "A class has the name that is reserved for an answer left to a person.",
                key="operating.coverage",
                found=UNSURE,
                remedy="give the class another name, or leave operating.coverage out",
            )

    def reference_images(self, truth: Sequence[Truth], recipe: Recipe) -> NDArray[np.int64]:
        """Some images of each class, drawn with the seed, where novelty is scored."""
        if not recipe.operating.novelty:
            return np.empty(0, dtype=np.int64)
        random = np.random.default_rng(recipe.train.seed)
        targets_N = class_targets(truth)
        of_each_class = [
            random.permutation(np.flatnonzero(targets_N == target))[:_PROTOTYPE_IMAGES]
            for target in np.unique(targets_N)
        ]
        return np.sort(np.concatenate(of_each_class))

    def choose(
        self, validation: LabelledOutputs, reference: LabelledOutputs | None, recipe: Recipe
    ) -> Choice:
        """Temperature, threshold and reject option; novelty where there are reference images."""
        record = _choose(validation, recipe)
        if reference is None:
            return Choice(record)
        prototypes_CF = class_prototypes(
            reference.outputs[FEATURE_VECTOR.name],
            class_targets(reference.truth),
            len(reference.labels),
        )
        novelty = _novelty(validation, prototypes_CF, recipe.operating)
        return Choice(record.model_copy(update={"novelty": novelty}), {PROTOTYPES: prototypes_CF})

    def rule(self, chosen: CalibrateRecord) -> ClassificationRule:
        """The chosen rules; arg-max where there are none."""
        threshold = conformal = novelty = None
        if (choice := chosen.threshold) is not None:
            threshold = DefectThreshold(choice.good, choice.defect, choice.value)
        if (option := chosen.conformal) is not None:
            conformal = ConformalRule(option.coverage, option.quantile)
        if chosen.novelty is not None:
            novelty = NoveltyRule(chosen.novelty.threshold, PROTOTYPES_IN_BUNDLE)
        return ClassificationRule(threshold, conformal, novelty)

    def scored(self, outputs: Outputs, references: References) -> dict[str, NDArray[np.float32]]:
        """The outputs without features; with novelty where there are prototypes."""
        kept = {name: values for name, values in outputs.items() if name != FEATURE_VECTOR.name}
        if PROTOTYPES in references and FEATURE_VECTOR.name in outputs:
            features_NF = outputs[FEATURE_VECTOR.name]
            kept[NOVELTY] = novelty_scores(features_NF, references[PROTOTYPES])
        return kept

    def measure(
        self,
        rule: Rule,
        found: LabelledOutputs,
        out_of_domain: Outputs | None,
        bootstrap: Bootstrap,
    ) -> Decisions:
        """See :func:`edgefit.operating.decisions.measure_decisions`."""
        return measure_decisions(
            found.outputs[PROBABILITIES.name],
            class_targets(found.truth),
            found.labels,
            ClassificationRule.of(rule),
            groups_N=found.groups_N,
            novelty_N=found.outputs.get(NOVELTY),
            out_of_domain_M=None if out_of_domain is None else out_of_domain.get(NOVELTY),
            resamples=bootstrap.resamples,
            confidence=bootstrap.confidence,
        )

    def measure_trained(
        self,
        chosen: CalibrateRecord,
        found: LabelledOutputs,
        out_of_domain: Outputs | None,
        bootstrap: Bootstrap,
    ) -> TrainedDecisions:
        """The rates, and the reliability without and with the temperature."""
        measured = self.measure(self.rule(chosen), found, out_of_domain, bootstrap)
        effect = None
        if chosen.temperature is not None and measured.calibration is not None:
            before = _reliability(softmax(found.outputs[LOGITS]), found, bootstrap)
            effect = TemperatureEffect(
                temperature=chosen.temperature, before=before, after=measured.calibration
            )
        return TrainedDecisions(
            calibration=effect,
            threshold=measured.threshold,
            conformal=measured.conformal,
            novelty=measured.novelty,
        )

    def broken_limits(self, measured: Decisions, config: OperatingConfig) -> list[str]:
        """Rates above their limits, and prediction sets that miss the true class too often."""
        broken = []
        if measured.threshold is not None:
            limited = (
                ("escape rate", measured.threshold.escape_rate, config.max_escape),
                ("overkill rate", measured.threshold.overkill_rate, config.max_overkill),
            )
            broken = [
                f"{name} {rate.value:.2%} ({rate.count} of {rate.images}) is above the limit of "
                f"{limit:.2%}"
                for name, rate, limit in limited
                if limit is not None and rate.value is not None and rate.value > limit
            ]
        if measured.conformal is not None and config.coverage is not None:
            coverage = measured.conformal.coverage
            if coverage.high is not None and coverage.high < config.coverage:
                broken.append(
                    f"prediction sets cover {coverage.value:.2%}; the recipe asks for "
                    f"{config.coverage:.2%}"
                )
        return broken

    def summary(self, chosen: CalibrateRecord) -> list[str]:
        """What the temperature changes, and where the threshold is."""
        lines = []
        if chosen.scaling is not None and chosen.scaling.reason is not None:
            lines.append(chosen.scaling.reason)
        elif chosen.calibration is not None and chosen.temperature != 1:
            before, after = (
                (reliability.expected_calibration_error.value or 0.0) * 100
                for reliability in (chosen.calibration.before, chosen.calibration.after)
            )
            lines.append(
                f"temperature {chosen.temperature:.3f}: expected calibration error {before:.2f} -> "
                f"{after:.2f} points, on the validation images that it was fitted on"
            )
        if (threshold := chosen.threshold) is not None:
            lines.append(
                f"defect at a probability of {threshold.value:.4f} or more: escape rate "
                f"{threshold.escape_rate.value:.2%}, overkill rate "
                f"{threshold.overkill_rate.value:.2%} on validation"
            )
        return lines


def _choose(validation: LabelledOutputs, recipe: Recipe) -> CalibrateRecord:
    """Everything except novelty, chosen from the logits of the validation images."""
    config = recipe.operating
    logits_NC, targets_N = validation.outputs[LOGITS], class_targets(validation.truth)
    scaling = None
    if config.temperature:
        scaling = choose_temperature(logits_NC, targets_N, validation.groups_N)
    temperature = scaling.fitted if scaling is not None and scaling.applied else 1.0
    probabilities_NC = softmax(logits_NC, temperature)
    bootstrap = _bootstrap(recipe)
    before = _reliability(softmax(logits_NC), validation, bootstrap)
    after = _reliability(probabilities_NC, validation, bootstrap)
    threshold = _threshold(probabilities_NC, targets_N, validation, recipe)
    return CalibrateRecord(
        images=len(validation),
        groups=len(set(validation.groups_N.tolist())),
        temperature=temperature,
        scaling=scaling,
        calibration=BeforeAfter(before=before, after=after),
        threshold=threshold,
        conformal=_conformal(probabilities_NC, targets_N, validation, config),
        notes=() if recipe.train.mode == "probe" else (_SEEN,),
        warnings=(
            *temperature_warnings(temperature),
            *price_warnings(threshold),
        ),
    )


def _bootstrap(recipe: Recipe) -> Bootstrap:
    return Bootstrap(recipe.evaluate.resamples, recipe.evaluate.confidence)


def _reliability(
    probabilities_NC: Floats, found: LabelledOutputs, bootstrap: Bootstrap
) -> Reliability:
    return calibration(
        probabilities_NC,
        class_targets(found.truth),
        groups_N=found.groups_N,
        resamples=bootstrap.resamples,
        confidence=bootstrap.confidence,
    )


def _threshold(
    probabilities_NC: Floats, targets_N: Integers, validation: LabelledOutputs, recipe: Recipe
) -> ThresholdChoice | None:
    config, labels = recipe.operating, validation.labels
    if config.good is None:
        return None
    defect = operating_labels(labels, config.good)
    limited: Rate = "escape" if config.max_escape is not None else "overkill"
    limit = config.max_escape if config.max_escape is not None else config.max_overkill
    chosen = None
    if limit is not None:
        chosen = choose_threshold(
            probabilities_NC[:, labels.index(defect)],
            targets_N == labels.index(defect),
            limit,
            limited,
            groups_N=validation.groups_N,
        )
    value = 0.5 if chosen is None else chosen.value
    rates = threshold_rates(
        probabilities_NC,
        targets_N,
        labels,
        DefectThreshold(config.good, defect, value),
        groups_N=validation.groups_N,
        resamples=recipe.evaluate.resamples,
        confidence=recipe.evaluate.confidence,
    )
    return ThresholdChoice(
        good=config.good,
        defect=defect,
        value=value,
        chosen_for="arg-max" if chosen is None else _KEY_OF[limited],
        limit=limit,
        upper_bound=None if chosen is None else chosen.upper_bound,
        bound_confidence=None if chosen is None else LIMIT_CONFIDENCE,
        bound_groups=None if chosen is None else chosen.groups,
        escape_rate=rates.escape_rate,
        overkill_rate=rates.overkill_rate,
    )


def _conformal(
    probabilities_NC: Floats,
    targets_N: Integers,
    validation: LabelledOutputs,
    config: OperatingConfig,
) -> ConformalChoice | None:
    if config.coverage is None:
        return None
    quantile = conformal_quantile(
        probabilities_NC, targets_N, config.coverage, groups_N=validation.groups_N
    )
    return ConformalChoice(coverage=config.coverage, quantile=quantile)


def _novelty(
    validation: LabelledOutputs, prototypes_CF: NDArray[np.float32], config: OperatingConfig
) -> NoveltyChoice:
    scores_N = novelty_scores(validation.outputs[FEATURE_VECTOR.name], prototypes_CF)
    return NoveltyChoice(
        threshold=novelty_threshold(scores_N, config.novelty_quantile),
        quantile=config.novelty_quantile,
        median=float(np.median(scores_N)),
        features=int(prototypes_CF.shape[1]),
    )
