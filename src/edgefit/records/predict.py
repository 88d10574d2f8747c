"""What ``predict`` prints with ``--json`` at their end."""

from __future__ import annotations

from edgefit.records.passed_over import PassedOverFiles
from edgefit.records.record import Part


class PredictSummary(Part):
    """The counts of a run over one source.

    Attributes:
        variant: The variant that ran.
        answered: Frames with a prediction.
        unreadable: Frames with an error.
        noted: Frames with a note, e.g. that further pages were not read.
        dropped: Frames of live sources that no worker was free for.
        passed_over: What the folder holds beside the images.
    """

    variant: str
    answered: int
    unreadable: int
    noted: int = 0
    dropped: int = 0
    passed_over: tuple[PassedOverFiles, ...] = ()
