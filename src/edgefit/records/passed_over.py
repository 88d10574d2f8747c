"""Entries of a folder that no stage reads, counted."""

from __future__ import annotations

from edgefit.records.record import Part


class PassedOverPart(Part):
    """How many entries with one suffix are passed over for one reason.

    Attributes:
        reason: Why, as :class:`edgefit.runtime.walking.Reason` words it.
        suffix: Lower case, with the dot; empty where the name has none.
        files: How many entries.
        example: Path of one of them.
    """

    reason: str
    suffix: str
    files: int
    example: str
