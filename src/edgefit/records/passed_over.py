"""Entries of a folder that are not read, counted: a part of several records."""

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
