"""What the stage ``check`` leaves."""

from __future__ import annotations

from typing import ClassVar

from edgefit.records.record import Record


class LabelsRecord(Record):
    """The class list, in the order of the network's outputs.

    Attributes:
        labels: Class names.
        sha256: Hash over the ordered names.
    """

    STAGE: ClassVar[str] = "check"
    FILE: ClassVar[str] = "labels.json"

    labels: list[str]
    sha256: str | None = None
