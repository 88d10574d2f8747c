"""Phase two: all layers, epoch by epoch."""

from __future__ import annotations

from edgefit.records.train import KeptWeights
from edgefit.train.loop.finetune import fine_tune
from edgefit.train.phases.phase import Outcome
from edgefit.train.training import Training
from edgefit.train.weight_files import FINETUNED


class FullPhase:
    """Trains all layers from the weights so far, or resumes a killed training."""

    trains_on_devices = True

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        """See :class:`.Phase`."""
        module, trainer = fine_tune(training, training.penalties())
        if not trainer.is_global_zero:
            return None
        assert module.judge.kept is not None
        return Outcome(
            weights=training.folder / FINETUNED,
            kept=KeptWeights(what="fine-tuned"),
            best=module.judge.kept,
            history=tuple(module.history),
            stopped_early=len(module.history) < module.config.epochs,
            device=str(trainer.strategy.root_device),
            precision=str(trainer.precision),
            processes=trainer.world_size,
            probe=before.probe if before else None,
        )
