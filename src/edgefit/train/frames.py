"""The decoded frames of a training: read once, used by every phase."""

from __future__ import annotations

from dataclasses import dataclass

from edgefit.data.loader import FrameStore
from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.spec import InputSpec


@dataclass(frozen=True)
class SplitFrames:
    """Frames of the training and of the validation split, each in table order."""

    train: FrameStore
    val: FrameStore


def decode_splits(
    recipe: Recipe, table: SampleTable, spec: InputSpec, reporter: Reporter = QUIET
) -> SplitFrames:
    """Decode both splits; ``train.cache_mb`` is shared by them in proportion to their images.

    Raises:
        DataError: A file cannot be read (any more).
    """
    splits = {name: table.of(name) for name in ("train", "val")}
    images = sum(len(split) for split in splits.values())
    stores = {
        name: FrameStore(
            split.samples,
            split.root,
            spec,
            budget_mb=recipe.train.cache_mb * len(split) // max(1, images),
            reporter=reporter,
        )
        for name, split in splits.items()
    }
    return SplitFrames(**stores)
