"""What a phase is, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgefit.records.train import EpochRow, KeptWeights, ProbeRecord
from edgefit.train.training import Training


@dataclass(frozen=True)
class Outcome:
    """What the phases so far have given.

    Attributes:
        weights: The file with the weights to keep.
        kept: What these weights are, in words.
        best: The row of the epoch that is kept; a phase without epochs has a single row.
        history: One row an epoch.
        stopped_early: Whether fewer epochs were run than asked for.
        device: Where the network was trained.
        precision: lightning's precision; None where no epochs were run.
        processes: Training processes; None likewise.
        probe: Phase one; None where there was none.
    """

    weights: Path
    kept: KeptWeights
    best: EpochRow
    history: tuple[EpochRow, ...] = ()
    stopped_early: bool = False
    device: str = "cpu"
    precision: str | None = None
    processes: int | None = None
    probe: ProbeRecord | None = None


class Phase(Protocol):
    """A part of a training. What it leaves on disk lets a killed training go on.

    Attributes:
        trains_on_devices: Whether it runs epochs by lightning, with the recipe's devices, batches
            and penalties.
    """

    trains_on_devices: bool

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        """Do the phase, or take up what an earlier start left of it.

        Args:
            training: What it works on; the network is changed.
            before: What the phases before it gave; None for the first.

        Returns:
            What all phases so far have given; None in a training process that is not the first
            and has nothing more to do.
        """
        ...


def run_phases(training: Training, phases: Sequence[Phase]) -> Outcome | None:
    """All phases in order; None in a training process that is not the first."""
    outcome: Outcome | None = None
    for phase in phases:
        outcome = phase.run(training, outcome)
        if outcome is None:
            return None
    return outcome
