"""The penalties that a recipe switches on."""

from __future__ import annotations

from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.feature_distillation import FeatureDistillation
from edgefit.train.penalties.l2_sp import StartingPointPenalty
from edgefit.train.penalties.penalty import Penalty
from edgefit.train.penalties.replay import build_replay
from edgefit.train.penalties.teacher import build_teacher


def build_penalties(
    recipe: Recipe,
    table: SampleTable,
    network: EdgeNetwork,
    reporter: Reporter = QUIET,
) -> list[Penalty]:
    """The penalties that a recipe switches on; none by default.

    Args:
        recipe: ``train.keep``, ``train.teacher`` and ``retention.general`` are read.
        table: The checked samples with their splits; a teacher must not know the held-out ones.
        network: Still holds the pretrained backbone; parameters that learn have ``requires_grad``.
        reporter: Shows progress and warnings.

    Raises:
        DataError: The general folder cannot be used, or a held-out image trained the teacher.
        RunError: The teacher's run does not exist, is unfinished, or is damaged.
        RecipeError: The teacher was trained on other classes.
    """
    keep = recipe.train.keep
    if recipe.model.start.is_random and (keep.l2_sp or keep.distill or keep.replay):
        reporter.warn(
            "train.keep preserves what the starting weights know, but these are random "
            "(model.weights: none): there is nothing to keep"
        )
    penalties: list[Penalty] = []
    if keep.l2_sp:
        penalties.append(StartingPointPenalty(network.backbone, keep.l2_sp))
    if keep.distill:
        penalties.append(FeatureDistillation(network.backbone, keep.distill))
    if keep.replay:
        penalties.append(build_replay(recipe, network, reporter))
    if recipe.train.teacher is not None:
        penalties.append(build_teacher(recipe, recipe.train.teacher, table, reporter))
    return penalties
