"""After training: chooses a point between the probe's and the fine-tuned weights."""

from __future__ import annotations

from dataclasses import replace

from edgefit.train.backbones.weights import read_state
from edgefit.train.loop.interpolation import interpolate
from edgefit.train.phases.phase import Outcome
from edgefit.train.training import Training
from edgefit.train.weight_files import BEST, PROBE, save_state


class InterpolationPhase:
    """Measures points on the line between two networks and writes the one that the rule picks."""

    trains_on_devices = False

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        """See :class:`.Phase`; the folder must hold a probe and a fine-tuned network."""
        assert before is not None
        config, target = training.recipe.train, training.folder / BEST
        learned = config.learns_batch_norm(training.recipe.model.start)
        line = interpolate(
            training.network,
            read_state(training.folder / PROBE),
            read_state(before.weights),
            config.interpolation,
            metric=config.metric,
            measure=training.measure,
            recompute=training.frames.train if learned else None,
            reporter=training.reporter,
        )
        save_state(line.state, target)
        training.reporter.say(f"kept: alpha {line.alpha:g} between probe (0) and fine-tuned (1)")
        return replace(before, weights=target, kept=line.kept(config.interpolation, config.metric))
