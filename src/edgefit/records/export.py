"""The result of the stage ``export``; its file is the draft bundle's manifest."""

from __future__ import annotations

from pydantic import JsonValue

from edgefit.records.record import Part


class ExportedVariant(Part):
    """One file of the draft.

    Attributes:
        variant: ``engine/precision``.
        bytes: Size of its files together.
        quantization: How an int8 file was made; free-form, since each engine has its own settings.
    """

    variant: str
    bytes: int
    quantization: dict[str, JsonValue]


class ExportRecord(Part):
    """Every variant that was exported."""

    variants: list[ExportedVariant]
