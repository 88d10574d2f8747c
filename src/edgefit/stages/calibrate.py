"""The stage ``calibrate``: from probabilities to decisions, chosen on validation images.

The temperature that makes confidence honest, the threshold for a stated escape or overkill rate,
the reject option, and what counts as unlike the training pictures. Test images are not looked at;
``evaluate`` and ``verify`` measure on them what was chosen here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgefit.data.frame_store import FrameStore
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.errors import InputError
from edgefit.evaluate.outputs import network_outputs
from edgefit.metrics.reliability import calibration
from edgefit.operating.chosen import PROTOTYPES
from edgefit.operating.conformal import conformal_quantile
from edgefit.operating.decisions import threshold_rates
from edgefit.operating.novelty import class_prototypes, novelty_scores, novelty_threshold
from edgefit.operating.temperature import HIGHEST, LOWEST, fit_temperature, softmax
from edgefit.operating.threshold import LIMIT_CONFIDENCE, Rate, choose_threshold, operating_labels
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import OperatingConfig, Recipe
from edgefit.records.calibrate import (
    BeforeAfter,
    CalibrateRecord,
    ConformalChoice,
    NoveltyChoice,
    ThresholdChoice,
)
from edgefit.records.evaluate import Reliability
from edgefit.run import RunFolder
from edgefit.spec import UNSURE, DefectThreshold
from edgefit.stages.check import Check
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Stage
from edgefit.stages.train import Train
from edgefit.train.backbones.card import input_spec

if TYPE_CHECKING:
    from edgefit.train.network import EdgeNetwork

_PROTOTYPE_IMAGES = 64
"""Training images a class whose mean direction is taken; more change it by very little."""

HIGH_PRICE = 0.5
"""Share of the other class's parts that a threshold may get wrong without a warning."""

_KEY_OF: Final[dict[Rate, Literal["max_escape", "max_overkill"]]] = {
    "escape": "max_escape",
    "overkill": "max_overkill",
}

_SEEN = (
    "The validation images were also used to choose the epoch that is kept, so what is "
    "seen on them is a little too good. The figures that count are those on the test images."
)


@dataclass(frozen=True)
class _Outputs:
    """What the network gives for the images of a split, before any temperature."""

    table: SampleTable
    logits_NC: NDArray[np.float32]
    features_NF: NDArray[np.float32]


class Calibrate(Stage[CalibrateRecord]):
    """Choose the operating point of a trained network.

    Ensures ``calibrate/operating.json`` and, where novelty is scored, ``calibrate/prototypes.npy``
    (``float32`` (C, F)).
    """

    NAME = "calibrate"
    SECTIONS = ("operating", "evaluate")
    REQUIRES = (Check, Train)

    def prepare(self) -> None:
        """Run the network over validation and choose; refuse what validation cannot support."""
        from edgefit.train.assembly import load_trained

        recipe, table = self.recipe, frozen_samples(self.run)
        _check_names(recipe.operating, table)
        network = load_trained(self.run)
        validation = _outputs(network, table.of("val"), recipe, "validation", self.reporter)
        self.record = _choose(validation, recipe)
        self.prototypes_CF: NDArray[np.float32] | None = None
        if recipe.operating.novelty:
            chosen = _some_of_each_class(table.of("train"), recipe.train.seed)
            training = _outputs(network, chosen, recipe, "prototypes", self.reporter)
            self.prototypes_CF = class_prototypes(
                training.features_NF, chosen.targets_N(), len(table.labels)
            )
            novelty = _novelty(validation, self.prototypes_CF, recipe.operating)
            self.record = self.record.model_copy(update={"novelty": novelty})

    def work(self, *, resumable: bool) -> CalibrateRecord:
        """Write the operating point."""
        prototypes = self.folder / PROTOTYPES
        prototypes.unlink(missing_ok=True)
        if self.prototypes_CF is not None:
            np.save(prototypes, self.prototypes_CF, allow_pickle=False)
        self.record.write(self.run.root)
        _tell(self.record, self.reporter)
        return self.record

    def result(self) -> CalibrateRecord:
        """What ``operating.json`` holds."""
        done = CalibrateRecord.read(self.run.root)
        _warn(done, self.reporter)
        return done

    def outputs(self, record: CalibrateRecord) -> str:
        """Hash of the rules and the prototypes."""
        return _fingerprint(record, self.folder / PROTOTYPES)


def calibrate(run: RunFolder, reporter: Reporter = QUIET) -> CalibrateRecord:
    """Run the stage; see :class:`Calibrate`.

    Raises:
        GateError: Validation holds too few images to support what the recipe asks for.
        InputError: ``operating.good`` does not fit the classes.
    """
    return always(Runner(run, reporter).run(Calibrate))


def _check_names(config: OperatingConfig, table: SampleTable) -> None:
    if config.good is not None:
        operating_labels(table.labels, config.good)
    if config.coverage is not None and UNSURE in table.labels.names:
        raise InputError(
            "A class has the name that stands for an answer left to a person.",
            key="operating.coverage",
            found=UNSURE,
            remedy="give the class another name, or leave operating.coverage out",
        )


def _choose(validation: _Outputs, recipe: Recipe) -> CalibrateRecord:
    """All but novelty, from the validation images' logits."""
    config = recipe.operating
    table = validation.table
    targets_N, groups_N = table.targets_N(), table.groups_N()
    temperature = fit_temperature(validation.logits_NC, targets_N) if config.temperature else 1.0
    probabilities_NC = softmax(validation.logits_NC, temperature)
    before, after = (
        calibration(
            scores_NC,
            targets_N,
            groups_N=groups_N,
            resamples=recipe.evaluate.resamples,
            confidence=recipe.evaluate.confidence,
        )
        for scores_NC in (softmax(validation.logits_NC), probabilities_NC)
    )
    threshold = _threshold(probabilities_NC, table, recipe)
    return CalibrateRecord(
        images=len(table),
        groups=len(set(groups_N.tolist())),
        temperature=temperature,
        calibration=BeforeAfter(before=before, after=after),
        threshold=threshold,
        conformal=_conformal(probabilities_NC, table, config),
        notes=() if recipe.train.mode == "probe" else (_SEEN,),
        warnings=(
            *_temperature_warnings(temperature, before, after),
            *_price_warnings(threshold),
        ),
    )


def _temperature_warnings(temperature: float, before: Reliability, after: Reliability) -> list[str]:
    warnings = []
    if not LOWEST * 1.01 < temperature < HIGHEST / 1.01:
        warnings.append(
            f"The temperature {temperature:.4g} lies at the bound of its range ({LOWEST:g} to "
            f"{HIGHEST:g}): the network's confidence says next to nothing on validation."
        )
    error_before, error_after = (r.expected_calibration_error for r in (before, after))
    loss_before, loss_after = (r.negative_log_likelihood for r in (before, after))
    # where validation has no mistake the temperature leaves room for one: both figures rise
    if loss_after.is_below(loss_before) and error_before.lies_below(error_after):
        warnings.append(
            "The temperature of the best likelihood raises the calibration error on validation "
            f"from {error_before.value:.2%} to {error_after.value:.2%}, beyond both "
            "intervals: one temperature does not fit this network. "
            "`operating.temperature: false` leaves it out."
        )
    return warnings


def _price_warnings(threshold: ThresholdChoice | None) -> list[str]:
    """What keeping the limited rate costs in the other one, where that is most of its parts."""
    if threshold is None or threshold.limit is None:
        return []
    escape_is_limited = threshold.chosen_for == "max_escape"
    price = (threshold.overkill_rate if escape_is_limited else threshold.escape_rate).value
    if price is None or price <= HIGH_PRICE:
        return []
    parts = "good parts are rejected" if escape_is_limited else "defects are let through"
    concerned = "defects" if escape_is_limited else "good parts"
    return [
        f"At the threshold for `operating.{threshold.chosen_for}: {threshold.limit:g}` "
        f"{price:.0%} of the {parts} on validation. Look at the {concerned} that the network is "
        "most wrong about (a wrong label?), then label more validation images, train on more, or "
        "ask for a larger rate."
    ]


def _threshold(
    probabilities_NC: NDArray[np.float64],
    table: SampleTable,
    recipe: Recipe,
) -> ThresholdChoice | None:
    config = recipe.operating
    if config.good is None:
        return None
    defect = operating_labels(table.labels, config.good)
    targets_N, groups_N = table.targets_N(), table.groups_N()
    limited: Rate = "escape" if config.max_escape is not None else "overkill"
    limit = config.max_escape if config.max_escape is not None else config.max_overkill
    chosen = None
    if limit is not None:
        chosen = choose_threshold(
            probabilities_NC[:, table.labels.index(defect)],
            targets_N == table.labels.index(defect),
            limit,
            limited,
            groups_N=groups_N,
        )
    value = 0.5 if chosen is None else chosen.value
    rates = threshold_rates(
        probabilities_NC,
        targets_N,
        table.labels,
        DefectThreshold(config.good, defect, value),
        groups_N=groups_N,
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
    probabilities_NC: NDArray[np.float64], table: SampleTable, config: OperatingConfig
) -> ConformalChoice | None:
    if config.coverage is None:
        return None
    quantile = conformal_quantile(
        probabilities_NC, table.targets_N(), config.coverage, groups_N=table.groups_N()
    )
    return ConformalChoice(coverage=config.coverage, quantile=quantile)


def _novelty(
    validation: _Outputs, prototypes_CF: NDArray[np.float32], config: OperatingConfig
) -> NoveltyChoice:
    scores_N = novelty_scores(validation.features_NF, prototypes_CF)
    return NoveltyChoice(
        threshold=novelty_threshold(scores_N, config.novelty_quantile),
        quantile=config.novelty_quantile,
        median=float(np.median(scores_N)),
        features=int(prototypes_CF.shape[1]),
    )


def _some_of_each_class(training: SampleTable, seed: int) -> SampleTable:
    """Up to ``_PROTOTYPE_IMAGES`` training images of each class, chosen by the seed."""
    random = np.random.default_rng(seed)
    targets_N = training.targets_N()
    chosen = np.concatenate(
        [
            random.permutation(np.flatnonzero(targets_N == target))[:_PROTOTYPE_IMAGES]
            for target in np.unique(targets_N)
        ]
    )
    return training.with_samples(training.samples[i] for i in np.sort(chosen))


def _outputs(
    network: EdgeNetwork, table: SampleTable, recipe: Recipe, name: str, reporter: Reporter
) -> _Outputs:
    store = FrameStore(
        table.samples,
        table.root,
        input_spec(recipe),
        budget_mb=recipe.train.cache_mb,
        reporter=reporter,
    )
    found = network_outputs(network, store, reporter, title=name)
    return _Outputs(table, found["logits"], found["feature_vector"])


def _fingerprint(results: CalibrateRecord, prototypes: Path) -> str:
    digest = hashlib.sha256(json.dumps(results.to_json(), sort_keys=True).encode())
    if prototypes.is_file():
        digest.update(prototypes.read_bytes())
    return digest.hexdigest()


def _tell(results: CalibrateRecord, reporter: Reporter) -> None:
    if results.calibration is not None:
        before, after = (
            (reliability.expected_calibration_error.value or 0.0) * 100
            for reliability in (results.calibration.before, results.calibration.after)
        )
        reporter.say(
            f"temperature {results.temperature:.3f}: expected calibration error on validation "
            f"{before:.2f} -> {after:.2f} points"
        )
    threshold = results.threshold
    if threshold is not None:
        reporter.say(
            f"defect from a probability of {threshold.value:.4f} on: escape rate "
            f"{threshold.escape_rate.value:.2%}, overkill rate "
            f"{threshold.overkill_rate.value:.2%} on validation"
        )
    _warn(results, reporter)


def _warn(results: CalibrateRecord, reporter: Reporter) -> None:
    for warning in results.warnings:
        reporter.warn(warning)
