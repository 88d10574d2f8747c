"""The interface of a phase, and its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgefit.records.train import EpochRow, KeptWeights, ProbeRecord
from edgefit.train.training import Training


@dataclass(frozen=True)
class Outcome:
    """The result of the phases so far.

    Attributes:
        weights: The file with the weights to keep.
        kept: What these weights are.
        best: The row of the epoch that is kept; a phase without epochs has a single row.
        history: One row per epoch.
        stopped_early: Whether fewer epochs ran than the recipe asks for.
        device: Where the network was trained.
        precision: lightning's precision; None if no epochs ran.
        processes: Number of training processes; None if no epochs ran.
        probe: Result of phase one; None if there was none.
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
    """A part of a training. The files that it writes let a killed training resume.

    Attributes:
        trains_on_devices: Whether it runs epochs with lightning, on the recipe's devices, with its
            batches and penalties.
    """

    trains_on_devices: bool

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        """Run the phase, or continue what an earlier start left of it.

        Args:
            training: What it works on; the network changes.
            before: Result of the phases before it; None for the first.

        Returns:
            Result of all phases so far; None in a training process that is not the first and has
            nothing more to do.
        """
        ...


def run_phases(training: Training, phases: Sequence[Phase]) -> Outcome | None:
    """Run all phases in order; None in a training process that is not the first."""
    outcome: Outcome | None = None
    for phase in phases:
        outcome = phase.run(training, outcome)
        if outcome is None:
            return None
    return outcome
