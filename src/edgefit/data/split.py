"""Seeded, stratified, group-aware splits.

The order in which groups are dealt comes from a hash of (seed, group name), not from a random
generator: it does not depend on the order of the input, on the platform or on library versions.
Dealing follows the idea of iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On the
stratification of multi-label data", ECML PKDD 2011): rarest class first, each group to the split
that still wants most of that class.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from edgefit.data.table import SPLITS, Sample, SampleTable, examples
from edgefit.data.tasks.task import DataTask
from edgefit.errors import DataError
from edgefit.recipe import SplitConfig
from edgefit.wording import counted

# Groups that hold several classes may block each other's first deal; another order often helps.
_ATTEMPTS = 25

Counts = Mapping[str, Counter[str]]
"""Images by group and class."""


def assign_splits(table: SampleTable, config: SplitConfig, task: DataTask) -> SampleTable:
    """Give every sample a split; no group is divided and every class is in every split.

    Splits that the data state are kept. Missing ones are drawn from ``train``, or from all images
    if the data state no splits. ``validation`` and ``test`` are fractions of the images
    drawn from, approximated for each class as closely as whole groups allow.

    Args:
        table: Samples with their groups; either all or none have a split.
        config: Fractions and seed.
        task: Names the strata; for a classifier these are the classes.

    Raises:
        DataError: The table does not hold what the task needs, a class has fewer groups than
            splits, a class is missing in a stated split, or stated splits divide a group.
    """
    task.require(table)
    stated = {s.split for s in table.samples if s.split is not None}
    if stated and any(s.split is None for s in table.samples):
        raise DataError("Some samples have a split and some have none.", path=table.root)
    if stated and "train" not in stated:
        raise DataError(
            "The data set states splits, but none is for training.",
            path=table.root,
            expected="train, with or without val and test",
            found=", ".join(sorted(stated)),
        )
    if stated:
        _require_whole_groups(table)
        require_every_class(table, task, stated)
    missing = [split for split in SPLITS[1:] if split not in stated]
    if not missing:
        return table
    wanted = {"val": config.validation, "test": config.test}
    shares = {"train": 1 - sum(wanted[s] for s in missing), **{s: wanted[s] for s in missing}}
    pool = [s for s in table.samples if s.split in (None, "train")]
    dealt = _deal(table, pool, shares, config, task)
    split = table.with_samples(
        replace(s, split=dealt[s.group]) if s.split in (None, "train") else s for s in table.samples
    )
    require_every_class(split, task)
    return split


def _require_whole_groups(table: SampleTable) -> None:
    splits: dict[str, set[str | None]] = defaultdict(set)
    for sample in table.samples:
        splits[sample.group].add(sample.split)
    torn = sorted(group for group, where in splits.items() if len(where) > 1)
    if torn:
        raise DataError(
            f"The stated splits divide {len(torn):,} of {counted(len(splits), 'group')}: images "
            "that belong together are in different splits, which makes the figures too good.",
            path=table.root,
            key="data.group",
            found=examples(torn),
            remedy="move each group into one split, or remove the stated splits to have them drawn",
        )


def require_every_class(
    table: SampleTable, task: DataTask, splits: Collection[str] = SPLITS
) -> None:
    """Check that each split holds each stratum of the task, such as each class.

    Raises:
        DataError: A split lacks one; the error names both.
    """
    held = {(s.split, task.stratum(s)) for s in table.samples}
    lacking = [
        f"{name!r} in {split}"
        for split in SPLITS
        if split in splits
        for name in task.strata(table)
        if (split, name) not in held
    ]
    if lacking:
        raise DataError(
            "Classes are missing from splits.",
            path=table.root,
            expected="every class in every split",
            found=examples(lacking),
            remedy="add images there (images that are in two splits count once, see data.leaks), "
            "or remove the stated splits to have them drawn",
        )


def _deal(
    table: SampleTable,
    pool: list[Sample],
    shares: Mapping[str, float],
    config: SplitConfig,
    task: DataTask,
) -> dict[str, str]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sample in pool:
        counts[sample.group][task.stratum(sample)] += 1
    groups_of = {
        name: [group for group in counts if counts[group][name]] for name in task.strata(table)
    }
    _require_enough_groups(table, counts, groups_of, len(shares))
    for attempt in range(_ATTEMPTS):
        dealer = _Dealer(counts, groups_of, shares, f"{config.seed}/{attempt}")
        if dealer.give_each_split_each_class():
            dealer.deal_the_rest()
            return dealer.split_of
    raise DataError(
        "No way was found to divide the groups so that every class is in every split.",
        path=table.root,
        key="data.group",
        found=f"{counted(len(counts), 'group')}, some with several classes",
        remedy="use smaller groups, or add images of the rare classes",
    )


def _require_enough_groups(
    table: SampleTable, counts: Counts, groups_of: Mapping[str, list[str]], needed: int
) -> None:
    few = []
    for name, groups in groups_of.items():
        if len(groups) < needed:
            images = sum(counts[group][name] for group in groups)
            few.append(f"{name!r} ({counted(images, 'image')} in {counted(len(groups), 'group')})")
    if few:
        raise DataError(
            f"{'A class has' if len(few) == 1 else 'Classes have'} too few groups to be in "
            "every split.",
            path=table.root,
            expected=f"at least {counted(needed, 'group')} of images for each class",
            found=examples(few),
            remedy="add images, merge the class with a similar one, leave it out "
            "(data.exclude and data.classes), or make data.group finer",
        )


class _Dealer:
    """Hands whole groups to splits; ``split_of`` is the result."""

    def __init__(
        self,
        counts: Counts,
        groups_of: Mapping[str, list[str]],
        shares: Mapping[str, float],
        salt: str,
    ) -> None:
        rank = {group: _rank(salt, group) for group in counts}
        self.counts = counts
        self.split_of: dict[str, str] = {}
        self.groups_of = {n: sorted(g, key=lambda x: (rank[x], x)) for n, g in groups_of.items()}
        # Rarest first: a rare class has the fewest groups to choose from.
        self.classes = sorted(self.groups_of, key=lambda name: (len(self.groups_of[name]), name))
        self.wanting = {
            split: {name: share * self._images(name) for name in self.classes}
            for split, share in shares.items()
        }

    def _images(self, name: str) -> int:
        return sum(self.counts[group][name] for group in self.groups_of[name])

    def give_each_split_each_class(self) -> bool:
        """First deal: one group of each class to each split. False if shared groups prevent it."""
        for name in self.classes:
            for split, wanted in self.wanting.items():
                if any(self.split_of.get(group) == split for group in self.groups_of[name]):
                    continue
                free = [g for g in self.groups_of[name] if g not in self.split_of]
                if not free:
                    return False
                # The group nearest in size, so that one large group does not fill a small split.
                want = wanted[name]
                self._give(min(free, key=lambda g: abs(self.counts[g][name] - want)), split)
        return True

    def deal_the_rest(self) -> None:
        """Second deal: each remaining group to the split that wants most of its rarest class."""
        for name in self.classes:
            for group in self.groups_of[name]:
                if group not in self.split_of:
                    best = max(
                        self.wanting,
                        key=lambda s: (self.wanting[s][name], sum(self.wanting[s].values())),
                    )
                    self._give(group, best)

    def _give(self, group: str, split: str) -> None:
        self.split_of[group] = split
        for name, images in self.counts[group].items():
            self.wanting[split][name] -= images


def _rank(salt: str, group: str) -> bytes:
    return hashlib.sha256(f"{salt}/{group}".encode("utf-8", "surrogateescape")).digest()
