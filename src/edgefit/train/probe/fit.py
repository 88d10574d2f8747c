"""Phase one of training: a linear head on the features of the frozen backbone, in seconds.

A head that fits the features from the start keeps phase two from bending them (Kumar et al. 2022,
https://arxiv.org/abs/2202.10054). Its logits are scaled to be calibrated on images it was not
fitted on, so that phase two starts with gradients of the right size.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgefit import metrics
from edgefit.data.frame_store import FrameStore
from edgefit.data.table import SampleTable
from edgefit.errors import StageError
from edgefit.operating.temperature import softmax
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import ProbeConfig, TrainConfig
from edgefit.records.train import FeatureFacts, ProbeRecord, ProbeSetting
from edgefit.train.features.cache import FeatureCache
from edgefit.train.features.extract import extract_views, named_augmentation
from edgefit.train.network import EdgeNetwork
from edgefit.train.probe.models import (
    Folds,
    LinearModel,
    Standardised,
    fit_logistic,
    fit_nearest_mean,
    make_folds,
    probe_temperature,
)
from edgefit.train.probe.solving import side_by_side

# Cross-validation only ranks the strengths; the final layer is solved more exactly.
_ROUGH, _FINE = 1e-3, 1e-4


@dataclass(frozen=True)
class Candidate:
    """One setting in cross-validation.

    Attributes:
        kind: ``logistic`` or ``nearest-mean``.
        strength: Inverse regularisation strength; None for the nearest mean.
        score: The metric on rows that were not fitted on; None without cross-validation.
        nll: Their negative log likelihood after temperature, in nats.
        temperature: Divides the logits.
    """

    kind: str
    strength: float | None
    score: float | None = None
    nll: float | None = None
    temperature: float = 1.0

    def to_part(self) -> ProbeSetting:
        """The part of the record, with rounded values."""
        return ProbeSetting(
            kind=self.kind,
            strength=self.strength,
            score=None if self.score is None else round(self.score, 6),
            nll=None if self.nll is None else round(self.nll, 6),
            temperature=round(self.temperature, 6),
        )


@dataclass(frozen=True)
class Probe:
    """A fitted linear layer, and how it was chosen.

    Attributes:
        weight_CF: ``float32`` (C, F), for plain features; includes temperature and standardisation.
        bias_C: ``float32`` (C,).
        chosen: The chosen setting.
        cross_validation: Every setting tried, in order; empty without cross-validation.
        metric: Name of the metric in ``score``.
        folds: Folds of the cross-validation; 0 for none.
        seconds: Time of fitting, without the features.
        notes: In which ways the fit differs from what the recipe asks for.
        features: How the features were computed; None if they were given.
    """

    weight_CF: NDArray[np.float32]
    bias_C: NDArray[np.float32]
    chosen: Candidate
    cross_validation: tuple[Candidate, ...]
    metric: str
    folds: int
    seconds: float
    notes: tuple[str, ...] = ()
    features: FeatureFacts | None = None

    @property
    def kind(self) -> str:
        """``logistic`` or ``nearest-mean``."""
        return self.chosen.kind

    @property
    def strength(self) -> float | None:
        """The chosen inverse regularisation strength; None for the nearest mean."""
        return self.chosen.strength

    def logits(self, features_NF: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits ``float32`` (N, C)."""
        return LinearModel(self.weight_CF, self.bias_C).logits(features_NF)

    def to_record(self, validation: dict[str, float]) -> ProbeRecord:
        """The record of everything but the layer.

        Args:
            validation: Metrics and loss of the network with this probe as its head.

        Raises:
            StageError: ``features`` is None.
        """
        if self.features is None:
            raise StageError("A probe that was fitted to given features has no record.")
        chosen = self.chosen.to_part()
        return ProbeRecord(
            kind=chosen.kind,
            strength=chosen.strength,
            score=chosen.score,
            nll=chosen.nll,
            temperature=chosen.temperature,
            metric=self.metric,
            folds=self.folds,
            cross_validation=tuple(candidate.to_part() for candidate in self.cross_validation),
            seconds=round(self.seconds, 2),
            notes=self.notes,
            features=self.features,
            validation=validation,
        )


def run_probe(
    network: EdgeNetwork,
    store: FrameStore,
    table_train: SampleTable,
    config: TrainConfig,
    *,
    cache: FeatureCache | None = None,
    reporter: Reporter = QUIET,
) -> Probe:
    """Compute the features of the training images, fit the probe, fill the network's head.

    Args:
        network: Only its head changes.
        store: Frames of the training images.
        table_train: The training images, in the order of ``store``.
        config: ``probe``, ``augment``, ``metric``, ``balance`` and ``seed`` are read.
        cache: Where features are kept.
        reporter: Shows the progress and the result.

    Raises:
        StageError: See :func:`fit_probe`.
        DataError: An image cannot be read, or the augmentation is not valid.
    """
    augmentation = named_augmentation(config.augment, store.spec)
    views = config.probe.views
    asked: tuple[str, ...] = ()
    if views > 1 and augmentation is None:
        views, asked = 1, ("one view, not several: train.augment is none, so they would be equal",)
        reporter.warn(f"probe: {asked[0]}")
    extraction = extract_views(
        network,
        store,
        range(views),
        cache=cache,
        augmentation=augmentation,
        seed=config.seed,
        reporter=reporter,
    )
    probe = fit_probe(
        np.concatenate(extraction.features_VNF),
        np.tile(table_train.targets_N(), views),
        np.tile(_whole_groups(table_train), views),
        len(table_train.labels),
        config.probe,
        metric=config.metric,
        balance=config.balance,
        seed=config.seed,
    )
    probe = replace(probe, notes=(*asked, *probe.notes), features=extraction.facts())
    fill_head(network.head, probe.weight_CF, probe.bias_C)
    reporter.say(f"probe: {_in_words(probe)}")
    return probe


def fit_probe(
    features_NF: NDArray[np.float32],
    targets_N: NDArray[np.int64],
    groups_N: NDArray[np.str_],
    classes: int,
    config: ProbeConfig,
    *,
    metric: str = "balanced_accuracy",
    balance: str = "none",
    seed: int = 0,
) -> Probe:
    """Fit a linear layer; cross-validation chooses its kind and strength.

    The best ``metric`` wins, among equals the lowest negative log likelihood. Without folds (see
    :func:`edgefit.train.probe.models.make_folds`) the middle strength is used.

    Args:
        features_NF: ``float32``; several views of an image are several rows.
        targets_N: Class position of each row; every class has a row.
        groups_N: Group of each row; all views of an image are in the same group.
        classes: Number of classes C.
        config: Kinds, strengths and folds.
        metric: A key of :data:`edgefit.metrics.METRICS`.
        balance: ``none``, or anything else to give each class the same weight.
        seed: Seed of the folds.

    Raises:
        StageError: A feature is not finite, a class has no rows, or lengths differ.
        MissingDependencyError: scikit-learn is not installed.
    """
    _check(features_NF, targets_N, groups_N, classes)
    started = time.monotonic()
    balanced = balance != "none"
    folds = make_folds(targets_N, groups_N, config.folds, seed=seed)
    candidates = _candidates(config)
    tried: list[Candidate] = []
    if folds.parts:
        out_KNC = _out_of_fold(features_NF, targets_N, classes, candidates, folds, balanced)
        tried = _judged(candidates, out_KNC, targets_N, folds, metric, balanced)
        chosen = max(tried, key=lambda c: (c.score or 0.0, -(c.nll or 0.0)))
    else:
        chosen = _middle(config)
    model, converged = _fit(Standardised(features_NF), targets_N, classes, chosen, balanced)
    if not folds.parts and chosen.kind == "nearest-mean":
        # distances have no natural scale; a few means hardly over-fit single images
        weights_N = _weights(targets_N, balanced)
        temperature, _ = probe_temperature(model.logits(features_NF), targets_N, weights_N)
        chosen = replace(chosen, temperature=temperature)
    layer = model.cooled(chosen.temperature)
    notes = folds.notes if converged else (*folds.notes, "the solver stopped before it converged")
    return Probe(
        weight_CF=layer.weight_CF,
        bias_C=layer.bias_C,
        chosen=chosen,
        cross_validation=tuple(tried),
        metric=metric,
        folds=len(folds.parts),
        seconds=time.monotonic() - started,
        notes=notes,
    )


def fill_head(head: nn.Module, weight_CF: NDArray[np.float32], bias_C: NDArray[np.float32]) -> None:
    """Set the last linear layer of a head, in place.

    Raises:
        StageError: The head has no linear layer, or its size differs.
    """
    layers = [module for module in head.modules() if isinstance(module, nn.Linear)]
    found = tuple(layers[-1].weight.shape) if layers else "no linear layer"
    if found != weight_CF.shape:
        raise StageError("The probe does not fit the head.", expected=weight_CF.shape, found=found)
    with torch.no_grad():
        layers[-1].weight.copy_(torch.from_numpy(weight_CF))
        layers[-1].bias.copy_(torch.from_numpy(bias_C))


def _check(
    features_NF: NDArray[np.float32],
    targets_N: NDArray[np.int64],
    groups_N: NDArray[np.str_],
    classes: int,
) -> None:
    if not len(features_NF) == len(targets_N) == len(groups_N):
        raise StageError(
            "Features, targets and groups differ in number.",
            expected=len(features_NF),
            found=f"{len(targets_N)} targets, {len(groups_N)} groups",
        )
    if not np.isfinite(features_NF).all():
        raise StageError(
            "The backbone's features are not finite.",
            key="model.weights",
            remedy="use other weights; these give NaN or infinity on the training images",
        )
    empty = sorted(set(range(classes)) - set(targets_N.tolist()))
    if empty:
        raise StageError(
            "A probe needs an image of every class.",
            expected=f"classes 0 to {classes - 1}",
            found=f"none of class {empty[:5]}",
        )


def _candidates(config: ProbeConfig) -> list[Candidate]:
    """The settings to try; strengths rise, since each fit starts from the previous one."""
    found = [Candidate("logistic", strength) for strength in sorted(set(config.strengths))]
    nearest = Candidate("nearest-mean", None)
    return {"logistic": found, "nearest-mean": [nearest], "auto": [*found, nearest]}[config.kind]


def _middle(config: ProbeConfig) -> Candidate:
    """The setting to use without cross-validation."""
    if config.kind == "nearest-mean":
        return Candidate("nearest-mean", None)
    strengths = sorted(set(config.strengths))
    return Candidate("logistic", strengths[(len(strengths) - 1) // 2])


def _fit(
    scaled: Standardised,
    targets_N: NDArray[np.int64],
    classes: int,
    candidate: Candidate,
    balanced: bool,
) -> tuple[LinearModel, bool]:
    if candidate.strength is None:
        return fit_nearest_mean(scaled, targets_N, classes), True
    strengths = [candidate.strength]

    def solve(standardised: Standardised) -> tuple[LinearModel, bool]:
        return next(
            fit_logistic(
                standardised, targets_N, classes, strengths, balanced=balanced, tolerance=_FINE
            )
        )

    return side_by_side(solve, [scaled])[0]


def _out_of_fold(
    features_NF: NDArray[np.float32],
    targets_N: NDArray[np.int64],
    classes: int,
    candidates: Sequence[Candidate],
    folds: Folds,
    balanced: bool,
) -> NDArray[np.float32]:
    """Logits ``float32`` (K, N, C) of K candidates; rows that are in no test fold stay 0."""
    out_KNC = np.zeros((len(candidates), len(features_NF), classes), dtype=np.float32)
    strengths = [c.strength for c in candidates if c.strength is not None]

    def judge(fold: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
        fitted_J, judged_J = fold
        scaled = Standardised(features_NF[fitted_J])
        truth_J = targets_N[fitted_J]
        models = [
            model
            for model, _ in fit_logistic(
                scaled, truth_J, classes, strengths, balanced=balanced, tolerance=_ROUGH
            )
        ]
        if len(models) < len(candidates):
            models.append(fit_nearest_mean(scaled, truth_J, classes))
        for out_NC, model in zip(out_KNC, models, strict=True):
            out_NC[judged_J] = model.logits(features_NF[judged_J])

    side_by_side(judge, folds.parts)
    return out_KNC


def _judged(
    candidates: Sequence[Candidate],
    out_KNC: NDArray[np.float32],
    targets_N: NDArray[np.int64],
    folds: Folds,
    metric: str,
    balanced: bool,
) -> list[Candidate]:
    rows_J = np.sort(np.concatenate([judged_J for _, judged_J in folds.parts]))
    truth_J = targets_N[rows_J]
    weights_J = _weights(truth_J, balanced)
    judged = []
    for candidate, out_NC in zip(candidates, out_KNC, strict=True):
        logits_JC = out_NC[rows_J]
        temperature, nll = probe_temperature(logits_JC, truth_J, weights_J)
        probabilities_JC = softmax(logits_JC, temperature)
        score = float(metrics.METRICS[metric](probabilities_JC, truth_J, None))
        judged.append(replace(candidate, score=score, nll=nll, temperature=temperature))
    return judged


def _weights(targets_N: NDArray[np.int64], balanced: bool) -> NDArray[np.float64]:
    """Weight 1 for each row, or weights that sum to 1 for each class."""
    if not balanced:
        return np.ones(len(targets_N))
    return 1.0 / np.bincount(targets_N)[targets_N]


def _whole_groups(table: SampleTable) -> NDArray[np.str_]:
    """Group of each image; an image without one is a group of its own: its views stay together."""
    return np.array([s.group or f"image {s.path}" for s in table.samples], dtype=np.str_)


def _in_words(probe: Probe) -> str:
    setting = probe.kind if probe.strength is None else f"{probe.kind}, C = {probe.strength:g}"
    score = "not cross-validated"
    if probe.chosen.score is not None:
        score = f"{probe.metric} {probe.chosen.score:.4f} in {probe.folds} folds"
    return "; ".join([f"{setting}, {score}, {probe.seconds:.1f} s", *probe.notes])
