"""Smaller training sets from a larger one: whole groups, every class, each set inside the next.

A hash of their names puts the groups in one order. Each class gets its first groups in this order,
as many as come nearest to the fraction of its images, at least one. So the images taken at 5 % are
also taken at 10 %. A group that holds several classes may add a few images more than asked for;
results count the images that a set really has.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

from edgefit.data.table import Sample, SampleTable
from edgefit.errors import InputError


def subsample(table: SampleTable, fraction: float, *, seed: int = 0) -> SampleTable:
    """A table with a fraction of its training images; validation and test stay as they are.

    Args:
        table: Images with their splits.
        fraction: Share of the training images of each class, 0 < fraction <= 1.
        seed: Another seed gives another order of the groups.

    Raises:
        InputError: The fraction is out of range.
    """
    if not 0 < fraction <= 1:
        raise InputError(
            "A fraction of the training images is out of range.",
            expected="0 < fraction <= 1",
            found=fraction,
        )
    chosen = _chosen_groups(table.of("train").samples, fraction, seed)
    return table.with_samples(s for s in table.samples if s.split != "train" or _group(s) in chosen)


def _chosen_groups(samples: tuple[Sample, ...], fraction: float, seed: int) -> set[str]:
    images: dict[str | None, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        images[sample.label][_group(sample)] += 1
    chosen: set[str] = set()
    for groups in images.values():
        chosen.update(_nearest_prefix(groups, fraction, seed))
    return chosen


def _nearest_prefix(groups: Counter[str], fraction: float, seed: int) -> list[str]:
    """The first groups whose images come nearest to the fraction; at least one group."""
    wanted = fraction * groups.total()
    ordered = sorted(groups, key=lambda name: (_rank(seed, name), name))
    taken, best, length = 0, abs(wanted - groups[ordered[0]]), 1
    for count, name in enumerate(ordered, start=1):
        taken += groups[name]
        if abs(wanted - taken) < best:
            best, length = abs(wanted - taken), count
    return ordered[:length]


def _group(sample: Sample) -> str:
    return sample.group or sample.path


def _rank(seed: int, group: str) -> bytes:
    text = f"learning-curve/{seed}/{group}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
