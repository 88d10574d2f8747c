"""How the network was trained: the two phases, over-fitting, and the kept weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from edgefit.recipe import KeepConfig, Recipe
from edgefit.records.train import ProbeRecord, ProbeSetting
from edgefit.report.facts import RunFacts
from edgefit.report.row import Row
from edgefit.report.words import duration, metric_title, percent, points
from edgefit.spec.weights import WeightsSource
from edgefit.wording import counted

_MODES = {
    "probe": "a linear probe on the features of the frozen backbone",
    "full": "all layers, from a random head",
    "probe-then-full": "first a linear probe on frozen features, then all layers from its weights",
}
_REMEDIES = {
    "l2_sp": "pull towards the starting weights (L2-SP)",
    "distill": "keeping the features of the starting network (distillation)",
    "replay": "general images classified as well (replay)",
}
_KINDS = {"logistic": "logistic regression", "nearest-mean": "nearest class mean"}


def training_rows(facts: RunFacts) -> list[tuple[str, str]]:
    """How the network was trained, as pairs of name and value."""
    recipe, training = facts.recipe, facts.training
    config = recipe.train
    return [
        ("backbone", f"{facts.card.title}, {facts.card.parameters:,} parameters without the head"),
        ("starts from", base_weights(facts)),
        ("trained", _MODES[training.mode]),
        ("input", f"{recipe.input.width} x {recipe.input.height} pixels, {recipe.input.aspect}"),
        ("smaller images", _enlarging(recipe)),
        ("augmentation", PurePath(config.augment).name),
        *_epochs(facts),
        ("balancing", config.balance),
        *_against_forgetting(config.keep, config.freeze_stages),
        *([("teacher", PurePath(config.teacher.run).name)] if config.teacher else []),
        ("time", f"{duration(training.training_seconds)} on {training.device}"),
    ]


def _enlarging(recipe: Recipe) -> str:
    in_use, in_training = recipe.input.enlarge, recipe.enlarged_in_training
    words = f"enlarged by {in_use} interpolation"
    return words if in_training == in_use else f"{words}, in training by {in_training}"


def _epochs(facts: RunFacts) -> list[tuple[str, str]]:
    training, metric = facts.training, facts.recipe.train.metric
    if not training.history:
        return [("epochs", "none; only the head was fitted")]
    best = training.best
    stopped = ", stopped early" if training.stopped_early else ""
    return [
        ("epochs", f"{training.epochs} of at most {facts.recipe.train.epochs}{stopped}"),
        (
            "kept epoch",
            f"{best.epoch}: {metric_title(metric).lower()} "
            f"{percent(best.validation[metric])} on validation",
        ),
    ]


def _against_forgetting(keep: KeepConfig, frozen: int) -> list[tuple[str, str]]:
    used = [f"{text}, {getattr(keep, name):g}" for name, text in _REMEDIES.items()
            if getattr(keep, name)]  # fmt: skip
    if frozen:
        used.insert(0, f"the first {counted(frozen, 'stage')} frozen")
    return [("against forgetting", "; ".join(used))] if used else []


def base_weights(facts: RunFacts) -> str:
    """Where the backbone's weights came from, in words."""
    source = WeightsSource(facts.training.weights.source)
    if source.is_random:
        return "random weights (no pretraining)"
    return "ImageNet weights of torchvision" if source.is_imagenet else PurePath(source.text).name


def phase_rows(facts: RunFacts) -> list[Row]:
    """One row for each phase that ran and one for the kept weights, measured on validation."""
    training = facts.training
    rows = []
    if training.probe:
        measured = training.probe.validation
        rows.append(
            _phase(facts, "one: linear probe", "the head alone, in a single fit", measured)
            | {"time": _seconds(training.probe.seconds)}
        )
    if training.history:
        best = training.best
        frozen = facts.recipe.train.freeze_stages
        learned = f"all but {counted(frozen, 'frozen stage')}" if frozen else "all layers"
        seconds = sum(row.seconds or 0.0 for row in training.history)
        rows.append(
            _phase(facts, f"two: fine-tuning, epoch {best.epoch}", learned, best.validation)
            | {"time": duration(seconds)}
        )
    kept = training.kept
    if kept.points is not None and kept.alpha is not None:
        measured = next(p.metrics for p in kept.points if p.alpha == kept.alpha)
        name = f"kept: {_alpha(kept.alpha)} of the way from one to two"
        rows.append(
            _phase(facts, name, "nothing; weights are interpolated", measured) | {"time": "-"}
        )
    return rows


def _phase(facts: RunFacts, name: str, learned: str, measured: Mapping[str, float]) -> Row:
    return {
        "name": name,
        "learned": learned,
        "metric": percent(measured[facts.recipe.train.metric]),
        "loss": f"{measured['loss']:.3f}",
    }


def _seconds(seconds: float) -> str:
    return "under 1 s" if seconds < 1 else duration(seconds)


def _alpha(alpha: float) -> str:
    return percent(alpha, 0)


def probe(facts: RunFacts) -> Row | None:
    """The cross-validation of phase one and what it chose; None if there was no phase one."""
    found = facts.training.probe
    if found is None:
        return None
    title = metric_title(found.metric).lower()
    chosen = _setting(found)
    if found.score is None or not found.folds:
        result = f"{chosen[0].upper()}{chosen[1:]} was fitted without cross-validation."
    else:
        result = (
            f"The choice is {chosen}: {title} {percent(found.score)} in "
            f"{found.folds}-fold cross-validation, "
            f"{percent(found.validation[found.metric])} on the validation images."
        )
    return {
        "result": result,
        "metric": title,
        "rows": [_tried(candidate, found) for candidate in found.cross_validation],
        "notes": found.notes,
    }


def _setting(candidate: ProbeSetting | ProbeRecord) -> str:
    kind = _KINDS.get(candidate.kind, candidate.kind)
    strength = candidate.strength
    return kind if strength is None else f"{kind} of strength {strength:g}"


def _tried(candidate: ProbeSetting, found: ProbeRecord) -> Row:
    same = (candidate.kind, candidate.strength) == (found.kind, found.strength)
    strength = candidate.strength
    return {
        "kind": _KINDS.get(candidate.kind, candidate.kind),
        "strength": "-" if strength is None else f"{strength:g}",
        "score": percent(candidate.score, 2),
        "nll": "-" if candidate.nll is None else f"{candidate.nll:.3f}",
        "chosen": same,
    }


def interpolation(facts: RunFacts) -> Row | None:
    """The line between the two phases, and how the point on it was chosen; None without one."""
    kept = facts.training.kept
    if kept.points is None or kept.metric is None:
        return None
    name = metric_title(kept.metric).lower()
    if kept.rule == "general":
        tolerance = (kept.tolerance or 0.0) * 100
        rule = (
            f"Of the points whose {name} on validation is at most {tolerance:g} "
            "points below the best, the one nearest to the pretrained weights is kept (rule "
            "general): it loses the least of what the backbone knew."
        )
    else:
        rule = (
            f"The point with the highest {name} on validation is kept (rule best); a tie goes to "
            "the lower loss."
        )
    return {
        "rule": rule,
        "chosen": f"Kept: alpha {kept.alpha or 0.0:g}, where 0 is the probe and 1 the fine-tuned "
        "network.",
        "title": metric_title(kept.metric),
        "rows": [
            {
                "alpha": f"{point.alpha:g}",
                "metric": percent(point.metrics[kept.metric], 2),
                "loss": f"{point.metrics['loss']:.3f}",
                "chosen": point.alpha == kept.alpha,
            }
            for point in kept.points
        ],
    }


def gap(facts: RunFacts) -> Row | None:
    """Training against validation in the epoch that was kept; None if it was not measured."""
    best, metric = facts.training.best, facts.recipe.train.metric
    on_training = best.on_training.get(metric)
    if on_training is None or best.gap is None:
        return None
    return {
        "metric": metric_title(metric),
        "epoch": best.epoch,
        "training": percent(on_training),
        "validation": percent(best.validation[metric]),
        "gap": points(best.gap),
    }
