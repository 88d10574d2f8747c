"""Remedies against forgetting, side by side: accuracy on the task against general knowledge kept.

Each arm is a run of its own (see :mod:`edgefit.studies.subruns`) with the run's recipe, one remedy
(or several, joined by ``+``) switched on and all others off. All arms share data, seed and test
images.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgefit.data.frozen import frozen_samples
from edgefit.data.general import general_folder
from edgefit.errors import InputError, RecipeError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.check import CheckRecord
from edgefit.records.comparison import (
    BothProbes,
    ComparedArm,
    ComparisonRecord,
    Gain,
    KeptShares,
)
from edgefit.records.retention import RetentionRecord
from edgefit.run import RunFolder
from edgefit.stages.check import Check
from edgefit.stages.retention import STAGE, retention
from edgefit.stages.runner import Runner
from edgefit.studies.drawings import draw_comparison
from edgefit.studies.subruns import (
    Measured,
    changed,
    comparable,
    held_out,
    paired_gain,
    start_subrun,
    train_and_measure,
)
from edgefit.train.backbones.card import load_card
from edgefit.train.features.cache import FeatureCache

NOTHING, PROBE = "none", "probe"

_SWITCH = {
    "freeze": "train.freeze_stages",
    "l2-sp": "train.keep.l2_sp",
    "distill": "train.keep.distill",
    "replay": "train.keep.replay",
    "interpolate": "train.interpolation.points",
}
_STRENGTH = {"l2-sp": 0.01, "distill": 1.0, "replay": 0.5, "interpolate": 11}
"""Used if neither the arm nor the recipe states a strength; `freeze` takes half the stages."""
ALL = (NOTHING, PROBE, *_SWITCH)


@dataclass(frozen=True)
class Arm:
    """One setting of the comparison.

    Attributes:
        name: As given, e.g. ``none``, ``l2-sp``, ``distill=2+interpolate``.
        changes: Dotted recipe keys and the values that make the setting.
    """

    name: str
    changes: dict[str, float | int | str]

    @property
    def folder(self) -> str:
        """The name of its sub-run's folder."""
        return re.sub(r"[^A-Za-z0-9.+-]", "-", self.name)


@dataclass(frozen=True)
class _Outcome:
    arm: Arm
    measured: Measured
    retention: RetentionRecord


def compare_remedies(
    run: RunFolder,
    names: Sequence[str],
    reporter: Reporter = QUIET,
    *,
    recipe: Recipe | None = None,
) -> ComparisonRecord:
    """Train one sub-run for each arm, measure accuracy and retention.

    Requires the stage ``check``. Writes ``retention/comparison.json`` and the drawing beside it,
    ``comparison.svg`` and ``.png``. Finished arms are not trained again.

    Args:
        run: The run whose data and recipe all arms share.
        names: Arms: ``none``, ``probe`` (the backbone does not change), a remedy, or several
            joined by ``+``; a strength may be given, as in ``distill=2``.
        reporter: Shows the progress.
        recipe: Replaces the run's recipe, say to change strengths.

    Returns:
        What ``comparison.json`` holds: ``arms`` with ``settings``, ``metrics``, ``retention``,
        ``kept``, and the paired gains ``over_none`` and ``over_probe`` of the recipe's metric.

    Raises:
        InputError: An arm is unknown or named twice.
        RecipeError: The recipe names no general images, or trains only a probe.
        StageError: A training failed; the arms before it are kept.
    """
    recipe = recipe or run.recipe()
    Runner(run).require(Check)
    table = frozen_samples(run)
    arms = [parse_arm(name, recipe) for name in _each_once(names)]
    _require_something_to_forget(recipe)
    general_folder(recipe)
    cache = FeatureCache(run.stage_dir(STAGE) / "features")
    outcomes = []
    for number, arm in enumerate(arms, start=1):
        reporter.say(f"[bold]{number}/{len(arms)} {arm.name}[/]")
        root = run.stage_dir(STAGE) / "compare" / arm.folder
        own = changed(comparable(recipe), arm.changes)
        subrun = start_subrun(run, root, own, table)
        measured = train_and_measure(subrun, reporter)
        outcomes.append(_Outcome(arm, measured, retention(subrun, reporter, cache=cache)))
    record = _record(run, recipe, outcomes)
    drawings = draw_comparison(run.stage_dir(STAGE), record)
    record = record.model_copy(update={"drawings": tuple(drawings)})
    record.write(run.root)
    return record


def parse_arm(name: str, recipe: Recipe) -> Arm:
    """Translate an arm's name into changes of the recipe: its remedies on, all others off.

    A strength comes from the name, else from the recipe, else from a default.

    Raises:
        InputError: No such remedy, or the strength is not a number above 0.
    """
    changes: dict[str, float | int | str] = dict.fromkeys(_SWITCH.values(), 0)
    if name == PROBE:
        return Arm(name, changes | {"train.mode": "probe"})
    if name == NOTHING:
        return Arm(name, changes)
    for part in name.split("+"):
        remedy, _, strength = part.partition("=")
        if remedy not in _SWITCH:
            raise InputError(
                "No such remedy against forgetting.",
                key="--compare",
                expected=f"{', '.join(ALL)}, or several joined by +; all runs each of them",
                found=part,
            )
        changes[_SWITCH[remedy]] = _strength(remedy, strength, recipe)
        if remedy == "interpolate":  # its line needs the probe at one end
            changes["train.mode"] = "probe-then-full"
    return Arm(name, changes)


def _strength(remedy: str, text: str, recipe: Recipe) -> float | int:
    whole = remedy in ("freeze", "interpolate")
    if text:
        try:
            value: float | int = int(text) if whole else float(text)
        except ValueError:
            value = 0
        if not 0 < value < float("inf"):
            raise InputError(
                "The strength of a remedy is not a number above 0.",
                key="--compare",
                expected=f"{remedy}={'2' if whole else '0.5'}",
                found=f"{remedy}={text}",
            )
        return value
    section, _, key = _SWITCH[remedy].removeprefix("train.").rpartition(".")
    owner: Any = getattr(recipe.train, section) if section else recipe.train
    stated: float | int = getattr(owner, key)
    if stated:
        return stated
    if remedy == "freeze":
        return max(1, len(load_card(recipe.model.backbone).stages) // 2)
    return _STRENGTH[remedy]


def _each_once(names: Sequence[str]) -> list[str]:
    wanted = list(ALL) if list(names) == ["all"] else list(names)
    if not wanted or len(set(wanted)) != len(wanted):
        raise InputError(
            "Each arm of a comparison must be named exactly once.",
            key="--compare",
            expected=f"e.g. {NOTHING},distill or all",
            found=", ".join(wanted) or "none",
        )
    return wanted


def _require_something_to_forget(recipe: Recipe) -> None:
    if recipe.train.mode == "probe":
        raise RecipeError(
            "Training a probe does not change the backbone, so it cannot forget anything.",
            key="train.mode",
            expected="full or probe-then-full",
            found="probe",
            remedy="add --set train.mode=probe-then-full",
        )


def _record(run: RunFolder, recipe: Recipe, outcomes: Sequence[_Outcome]) -> ComparisonRecord:
    by_name = {outcome.arm.name: outcome for outcome in outcomes}
    test = held_out(run)
    first = outcomes[0].retention

    def gain(name: str, outcome: _Outcome) -> Gain | None:
        reference = by_name.get(name)
        if reference is None or reference is outcome:
            return None
        return paired_gain(reference.measured, outcome.measured, test, recipe)

    return ComparisonRecord(
        metric=recipe.train.metric,
        data_fingerprint=CheckRecord.read(run.root).fingerprint,
        test_images=len(test),
        test_groups=len(set(test.groups_N().tolist())),
        confidence=recipe.evaluate.confidence,
        general_images=first.images,
        general_classes=first.classes,
        k=first.k,
        arms=tuple(_compared(o, gain(NOTHING, o), gain(PROBE, o)) for o in outcomes),
        notes=first.notes,
    )


def _compared(outcome: _Outcome, over_none: Gain | None, over_probe: Gain | None) -> ComparedArm:
    measured, retained = outcome.measured, outcome.retention
    return ComparedArm(
        name=outcome.arm.name,
        settings={key: value for key, value in outcome.arm.changes.items() if value},
        metrics=measured.metrics,
        worst_class=measured.worst_class,
        retention=BothProbes(neighbours=retained.neighbours, linear=retained.linear),
        kept=KeptShares(neighbours=retained.neighbours.kept, linear=retained.linear.kept),
        training_seconds=measured.training_seconds,
        over_none=over_none,
        over_probe=over_probe,
    )
