"""What a model answers, and what its graph gives."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a model answers."""

    CLASSIFICATION = "classification"
