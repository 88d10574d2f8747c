"""A fresh network fine-tuned on a few dozen images of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, make_recipe
from edgefit.train.assembly import build_network
from edgefit.train.loop.finetune import fine_tune
from edgefit.train.loop.module import FineTuning
from edgefit.train.penalties.penalty import Penalty
from edgefit.train.split_frames import SplitFrames, decode_splits
from edgefit.train.tasks import TASKS
from edgefit.train.training import Training

FAST = ["input.width=32", "input.height=32", "model.backbone=mobilenet_v3_small"] + [
    f"train.{setting}"
    for setting in ("epochs=3", "batch_size=8", "workers=0", "accelerator=cpu", "augment=conveyor")
]


@dataclass(frozen=True)
class Shapes:
    """Checked pictures; ``tune`` trains a fresh network on them."""

    root: Path
    table: SampleTable

    def recipe(self, *overrides: str) -> Recipe:
        facts = {"name": "tiny", "data": {"root": str(self.root)}, "model": {"weights": "none"}}
        return make_recipe(facts, [*FAST, *overrides])

    def tune(
        self,
        folder: Path,
        *overrides: str,
        penalties: Sequence[Penalty] = (),
        reporter: Reporter = QUIET,
    ) -> FineTuning:
        folder.mkdir(exist_ok=True)
        recipe = self.recipe(*overrides)
        network, card, _ = build_network(recipe, self.table.labels)
        frames: SplitFrames = decode_splits(recipe, self.table, network.spec)
        task = TASKS[recipe.task]
        training = Training(
            recipe,
            self.table,
            frames,
            network,
            card,
            folder,
            loss=task.build_loss,
            validation=task.validation,
            reporter=reporter,
        )
        return fine_tune(training, penalties)[0]
