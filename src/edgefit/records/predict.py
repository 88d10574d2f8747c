"""What ``predict`` and ``watch`` print with ``--json`` at their end."""

from __future__ import annotations

from edgefit.records.record import Part


class PassedOverFiles(Part):
    """Entries of a folder that were not read, with one suffix and for one reason.

    Attributes:
        reason: Why they were passed over.
        suffix: Lower case, with the dot; empty where the names have none.
        files: How many.
        example: Path of one of them, relative to the folder.
    """

    reason: str
    suffix: str
    files: int
    example: str


class PredictSummary(Part):
    """The counts of a run over one source.

    Attributes:
        variant: The variant that ran.
        answered: Frames with a prediction.
        unreadable: Frames with an error.
        noted: Frames with a note, e.g. that further pages were not read.
        passed_over: What the folder holds beside the images.
    """

    variant: str
    answered: int
    unreadable: int
    noted: int = 0
    passed_over: tuple[PassedOverFiles, ...] = ()
