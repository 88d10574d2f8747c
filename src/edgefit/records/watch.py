"""What ``watch`` prints with ``--json`` at its end."""

from __future__ import annotations

from edgefit.records.passed_over import PassedOverFiles
from edgefit.records.record import Part


class WatchSummary(Part):
    """The counts of a run, and where its files are. Names are printable.

    Attributes:
        answered: Files moved to ``done``.
        failed: Files moved to ``failed_folder``.
        lines: Lines written.
        frames: Lines with an answer.
        left: Images and videos that are still in the inbox; None where it cannot be opened.
        passed_over: What the inbox holds beside them.
        stopped_by: The signal that ended the run; None where it ended by itself.
        inbox: The inbox.
        done: The folder of answered files.
        failed_folder: The folder of failed files.
        results: The file with the lines.
        bundle: Hash of the bundle's manifest.
        variant: Engine and precision.
    """

    answered: int
    failed: int
    lines: int
    frames: int
    left: int | None
    passed_over: tuple[PassedOverFiles, ...]
    stopped_by: str | None
    inbox: str
    done: str
    failed_folder: str
    results: str
    bundle: str
    variant: str
