"""From probabilities to decisions: the chosen rules, and their effect on held-out images.

The rules come from validation; they are measured for the trained network and for every file.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgefit.records.calibrate import ThresholdChoice
from edgefit.records.evaluate import (
    ConformalRates,
    Decisions,
    Reliability,
    Share,
    ThresholdRates,
    TrainedDecisions,
)
from edgefit.records.figures import Figure
from edgefit.report.facts import RunFacts
from edgefit.report.row import Row
from edgefit.report.words import (
    UNKNOWN,
    percent,
    with_interval,
)
from edgefit.wording import counted

TRAINED = "trained network"
_NOT_MEASURED = "not measured"


def decisions(facts: RunFacts) -> Row:
    """The whole section; None for rules that the operating point does not have."""
    chosen = facts.operating
    basis = counted(chosen.images, "validation image")
    if chosen.groups != chosen.images:
        basis += f" in {counted(chosen.groups, 'group')}"
    return {
        "basis": basis,
        "notes": chosen.notes,
        "warnings": chosen.warnings,
        "calibration": _calibration(facts),
        "threshold": _threshold(facts),
        "conformal": _conformal(facts),
        "novelty": _novelty(facts),
    }


def _calibration(facts: RunFacts) -> Row:
    chosen = facts.operating
    temperature = chosen.temperature or 1.0
    if not facts.recipe.operating.temperature:
        said = "The logits are unchanged (operating.temperature is off)."
    elif chosen.scaling is not None and chosen.scaling.reason is not None:
        said = f"The logits are unchanged. {chosen.scaling.reason}"
    else:
        effect = (
            "the network was over-confident"
            if temperature > 1
            else "the network was under-confident"
        )
        said = (
            f"The logits are divided by a temperature of {temperature:.3f}, which is part of the "
            f"graph: {effect}. The answers stay the same. The validation images are those that it "
            "was fitted on; the held-out images are not."
        )
    effects = [
        (f"validation, {TRAINED}", chosen.calibration),
        (TRAINED, facts.evaluation.operating.calibration),
    ]
    rows = [
        *(_honesty(name, found and found.before, found and found.after) for name, found in effects),
        *(
            _honesty(entry.variant, None, entry.operating and entry.operating.calibration)
            for entry in facts.verification.variants
        ),
    ]
    return {"said": said, "scaled": facts.recipe.operating.temperature, "rows": rows}


def _honesty(name: str, before: Reliability | None, after: Reliability | None) -> Row:
    """Calibration error and likelihood, before and after the temperature."""
    row: Row = {"name": name}
    for when, found in (("before", before), ("after", after)):
        row[when] = with_interval(found.expected_calibration_error) if found else "-"
        row[f"{when}_loss"] = _plain(found.negative_log_likelihood) if found else "-"
    return row


def _plain(entry: Figure) -> str:
    """A figure that is not a share."""
    value, low, high = entry.value, entry.low, entry.high
    if value is None:
        return UNKNOWN
    bounds = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
    return f"{value:.3f}{bounds}"


def _threshold(facts: RunFacts) -> Row | None:
    chosen = facts.operating.threshold
    if chosen is None:
        return None
    rows = [_rates("validation, " + TRAINED, chosen)]
    rows += [_rates(name, found.threshold) for name, found in held_out(facts)]
    return {
        "said": f"A part is called {chosen.defect} at a probability of {chosen.value:.4g} or more, "
        f"and {chosen.good} below that.",
        "why": _why(chosen),
        "defect": chosen.defect,
        "good": chosen.good,
        "rows": rows,
    }


def _why(chosen: ThresholdChoice) -> str:
    if chosen.limit is None:
        return "The recipe limits neither rate, so the more probable class is the answer."
    escape = chosen.chosen_for == "max_escape"
    concerned = chosen.escape_rate if escape else chosen.overkill_rate
    other = "overkill" if escape else "escape"
    what = "defects" if escape else "good parts"
    return (
        f"This threshold has the lowest {other} rate that keeps the "
        f"{'escape' if escape else 'overkill'} rate within {percent(chosen.limit, 2)}: "
        f"on {counted(concerned.images, 'image')} of "
        f"{what} in {counted(chosen.bound_groups or 0, 'independent group')} of validation, the "
        f"rate is at most {percent(chosen.upper_bound, 2)} with "
        f"{percent(chosen.bound_confidence, 0)} confidence."
    )


def _rates(name: str, found: ThresholdChoice | ThresholdRates | ConformalRates | None) -> Row:
    return {
        "name": name,
        "escape": _share(found and found.escape_rate),
        "overkill": _share(found and found.overkill_rate),
    }


def _share(entry: Share | None) -> str:
    """A share with its interval and its counts."""
    if entry is None:
        return _NOT_MEASURED
    if entry.value is None:
        return UNKNOWN
    return f"{with_interval(entry)}, {entry.count:,} of {entry.images:,}"


def held_out(facts: RunFacts) -> Iterator[tuple[str, Decisions | TrainedDecisions]]:
    """Name and held-out figures of each network at the operating point."""
    yield TRAINED, facts.evaluation.operating
    for entry in facts.verification.variants:
        yield entry.variant, entry.operating or Decisions()


def _conformal(facts: RunFacts) -> Row | None:
    chosen = facts.operating.conformal
    if chosen is None:
        return None
    threshold = facts.operating.threshold is not None
    rows = []
    for name, measured in held_out(facts):
        found = measured.conformal
        rows.append(
            {
                "name": name,
                "coverage": _share(found and found.coverage),
                "unsure": _share(found and found.unsure),
                "accuracy": _share(found and found.accuracy_when_sure),
                **_rates(name, found),
            }
        )
    return {
        "said": "The answer is unsure, and left to a person, unless exactly one class is likely "
        f"enough. At {percent(chosen.coverage)} coverage, a class is likely enough at a "
        f"probability of {1 - chosen.quantile:.4g} or more.",
        "threshold": threshold,
        "rows": rows,
    }


def _novelty(facts: RunFacts) -> Row | None:
    chosen = facts.operating.novelty
    if chosen is None:
        return None
    rows = []
    for name, measured in held_out(facts):
        found = measured.novelty
        auc = found and found.roc_auc
        rows.append(
            {
                "name": name,
                "flagged": _share(found and found.flagged),
                "out_of_domain": _share(found and found.flagged_out_of_domain),
                "auc": with_interval(auc) if auc else _NOT_MEASURED,
            }
        )
    return {
        "said": "An image is flagged as novel if its features point away from those of all "
        f"classes, with a score above {chosen.threshold:.4g}. Of the validation images, "
        f"{percent(chosen.quantile)} score below that, and half score below {chosen.median:.4g}.",
        "out_of_domain": any(row["out_of_domain"] != _NOT_MEASURED for row in rows),
        "rows": rows,
    }


def tile(facts: RunFacts) -> Row | None:
    """The rates of the recommended variant for the head of the page; None without a threshold."""
    if facts.operating.threshold is None:
        return None
    rates = {name: found.threshold for name, found in held_out(facts) if found.threshold}
    name = str(facts.recommended.key)
    if name not in rates:
        name = TRAINED
    if name not in rates:
        return None
    found = rates[name]
    return {
        "whose": name,
        "escape": percent(found.escape_rate.value, 2),
        "escape_full": _share(found.escape_rate),
        "overkill": percent(found.overkill_rate.value, 2),
        "overkill_full": _share(found.overkill_rate),
    }
