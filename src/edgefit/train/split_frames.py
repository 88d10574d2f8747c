"""The decoded frames of a training: read once, used by every phase."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgefit.data.frame_store import FrameStore
from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.spec import InputSpec


@dataclass(frozen=True)
class SplitFrames:
    """Frames of the training and of the validation split, each in table order.

    Attributes:
        train: Made by the input contract, but enlarged as ``train.enlarge`` says.
        val: Made by the input contract.
    """

    train: FrameStore
    val: FrameStore


def decode_splits(
    recipe: Recipe, table: SampleTable, spec: InputSpec, reporter: Reporter = QUIET
) -> SplitFrames:
    """Decode both splits; ``train.cache_mb`` is shared by them in proportion to their images.

    Raises:
        DataError: A file can no longer be read.
    """
    train, val = table.of("train"), table.of("val")
    images = len(train) + len(val)

    def decode(split: SampleTable, spec: InputSpec) -> FrameStore:
        budget_mb = recipe.train.cache_mb * len(split) // max(1, images)
        return FrameStore(split.samples, split.root, spec, budget_mb=budget_mb, reporter=reporter)

    in_training = replace(spec, enlarge=recipe.enlarged_in_training)
    return SplitFrames(decode(train, in_training), decode(val, spec))
