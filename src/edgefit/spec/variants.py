"""Engines, precisions, and the variants they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from edgefit.errors import InputError


class Engine(StrEnum):
    """What executes a graph on the device."""

    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """Number format of a variant; ``fp16`` means weights stored in half precision."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"


@dataclass(frozen=True, order=True)
class VariantKey:
    """One engine at one precision, written ``engine/precision``."""

    engine: Engine
    precision: Precision

    def __str__(self) -> str:
        return f"{self.engine}/{self.precision}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``engine/precision``.

        Raises:
            InputError: The text does not name a variant.
        """
        engine, _, precision = text.partition("/")
        try:
            return cls(Engine(engine), Precision(precision))
        except ValueError:
            raise InputError("No such variant.", expected=all_variant_names(), found=text) from None


def all_variant_names() -> Sequence[str]:
    """Every ``engine/precision`` that exists."""
    return [f"{e}/{p}" for e in Engine for p in Precision]
