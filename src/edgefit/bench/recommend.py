"""Choose a variant from measured figures, and say why."""

from __future__ import annotations

from collections.abc import Sequence

from edgefit.records.benchmark import FailedVariant, MeasuredVariant, Recommendation
from edgefit.spec import Precision, VariantKey

_PREFERRED = {Precision.FP32: 0, Precision.FP16: 1, Precision.INT8: 2}


def recommend(
    entries: Sequence[MeasuredVariant | FailedVariant], *, within: float = 0.05
) -> Recommendation:
    """The fastest variant by its median latency at batch 1; ties go to the smaller file.

    A variant ties with the fastest when it is at most ``within`` slower, or at most three times
    that where the ranges of their rounds overlap. So noise does not decide, and one disturbed round
    does not tie variants that are far apart. Among equal file sizes, the higher precision wins.

    Args:
        entries: The variants of a benchmark; failed variants do not count.
        within: Largest relative difference that still counts as a tie.
    """
    measured = [entry for entry in entries if isinstance(entry, MeasuredVariant)]
    if not measured:
        reason = "no variant could be measured"
        return Recommendation(variant=None, reason=reason, tied=[], within=within)
    fastest = min(measured, key=_p50_ms)
    tied = [entry for entry in measured if _ties(entry, fastest, within)]
    chosen = min(tied, key=_preference)
    return Recommendation(
        variant=chosen.variant,
        reason=_reason(chosen, fastest, measured, tied),
        tied=[entry.variant for entry in tied],
        within=within,
    )


def _p50_ms(entry: MeasuredVariant) -> float:
    return entry.latency_ms.p50


def _ties(entry: MeasuredVariant, fastest: MeasuredVariant, within: float) -> bool:
    slower = _p50_ms(entry) / _p50_ms(fastest) - 1
    overlaps = min(_rounds_ms(entry)) <= max(_rounds_ms(fastest))
    return slower <= within or (overlaps and slower <= 3 * within)


def _rounds_ms(entry: MeasuredVariant) -> list[float]:
    return [one.latency.p50_ms for one in entry.rounds]


def _preference(entry: MeasuredVariant) -> tuple[int, int, float]:
    precision = VariantKey.parse(entry.variant).precision
    return entry.bytes, _PREFERRED[precision], _p50_ms(entry)


def _reason(
    chosen: MeasuredVariant,
    fastest: MeasuredVariant,
    measured: list[MeasuredVariant],
    tied: list[MeasuredVariant],
) -> str:
    own = f"{_p50_ms(chosen):.2f} ms at batch 1"
    if len(measured) == 1:
        return f"the only variant measured: {own}"
    if len(tied) == 1:
        others = [entry for entry in measured if entry is not chosen]
        following = min(others, key=_p50_ms)
        times = _p50_ms(following) / _p50_ms(chosen)
        return f"the fastest: {own}, {times:.2f} times as fast as {following.variant}, the next"
    others = [entry for entry in tied if entry is not chosen]
    names = ", ".join(f"{e.variant} ({_p50_ms(e):.2f} ms, {_mb(e)})" for e in others)
    if all(chosen.bytes < entry.bytes for entry in others):
        why = "the smallest file"
    elif all(chosen.bytes == entry.bytes for entry in others):
        why = "the highest precision at equal size"
    else:
        why = "the smallest file, at the highest precision of that size"
    first = "the fastest and " if chosen is fastest else ""
    return f"{first}{why} ({_mb(chosen)}) among equally fast variants: {own}, as fast as {names}"


def _mb(entry: MeasuredVariant) -> str:
    return f"{entry.bytes / 1e6:.1f} MB"
