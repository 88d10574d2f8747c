"""Golden frames: a few real frames in a bundle, and the answers of each variant to them.

The frames are lossless PNG, before preprocessing. ``golden.json`` names them and holds the answers
by variant and output. In bundles of format 1 and 2 it holds only the rows of probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)

from edgefit.bundle import Bundle
from edgefit.errors import BundleError, InputError
from edgefit.names import printable
from edgefit.runtime.images.decode import decode_image
from edgefit.spec import OUTPUTS, PROBABILITIES, Frame, Outputs, VariantKey

GOLDEN_FOLDER = "golden"
GOLDEN_FILE = "golden.json"


def _by_name(answers: object) -> object:
    """Accept the answers of older bundles: the rows of their only output."""
    return {PROBABILITIES.name: answers} if isinstance(answers, list) else answers


def _numbers(values: list[JsonValue]) -> list[JsonValue]:
    # ValueErrors are the only ones that pydantic reports with their key.
    try:
        array = np.asarray(values, dtype=np.float64)  # a ValueError where rows differ in length
    except (TypeError, OverflowError) as error:
        raise ValueError(f"a value is not a number: {error}") from None
    if not np.isfinite(array).all():
        raise ValueError("a value is not a finite number")
    return values


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GoldenFrame(_Part):
    """One golden frame.

    Attributes:
        file: Its PNG, beside ``golden.json``.
        name: Its name in messages.
        target: Its true class, where the data set states one.
    """

    file: str
    name: str
    target: int | None = None


class Golden(_Part):
    """What ``golden.json`` holds.

    Attributes:
        frames: N frames.
        outputs: Variant -> output -> values (N, ...) as nested lists.
    """

    frames: list[GoldenFrame] = Field(min_length=1)
    outputs: dict[
        str,
        Annotated[
            dict[str, Annotated[list[JsonValue], AfterValidator(_numbers)]],
            BeforeValidator(_by_name),
        ],
    ]

    def answers(self, key: VariantKey) -> dict[str, NDArray[np.float32]] | None:
        """The answers of a variant: output -> ``float32`` (N, ...); None without answers."""
        held = self.outputs.get(str(key))
        if held is None:
            return None
        return {name: np.asarray(values, dtype=np.float32) for name, values in held.items()}


def write_golden(
    folder: Path,
    frames: Sequence[Frame],
    names: Sequence[str],
    outputs: Mapping[VariantKey, Outputs],
    targets: Sequence[int | None] | None = None,
) -> list[Path]:
    """Write golden frames and the expected answers.

    Args:
        folder: Target folder, created if missing. In a bundle it is ``golden``.
        frames: N frames before preprocessing, ``uint8`` (H, W, 3) RGB.
        names: Name of each frame in messages.
        outputs: The answers of each variant: the task's outputs, ``float32`` (N, ...), rows in the
            order of the frames.
        targets: True class of each frame; None where it is unknown, or the task has no classes.

    Returns:
        The files written: the PNGs, then ``golden.json``.

    Raises:
        InputError: There are no frames, or the numbers of frames, names, targets and answers
            differ.
    """
    counts = {
        "names": len(names),
        **({} if targets is None else {"targets": len(targets)}),
        **{f"{key} {name}": len(v) for key, held in outputs.items() for name, v in held.items()},
    }
    if not frames or set(counts.values()) != {len(frames)}:
        raise InputError(
            "Golden frames and answers do not match.", expected=len(frames), found=counts
        )
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index:03d}.png" for index in range(len(frames))]
    for path, frame in zip(paths, frames, strict=True):
        path.write_bytes(cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes())
    known: Sequence[int | None] = [None] * len(frames) if targets is None else targets
    golden = Golden(
        frames=[
            GoldenFrame(file=path.name, name=printable(name), target=target)
            for path, name, target in zip(paths, names, known, strict=True)
        ],
        outputs={
            str(key): {name: np.asarray(values).tolist() for name, values in held.items()}
            for key, held in outputs.items()
        },
    )
    written = folder / GOLDEN_FILE
    written.write_text(json.dumps(golden.model_dump(), ensure_ascii=False), encoding="utf-8")
    return [*paths, written]


def read_golden(path: Path) -> Golden:
    """Read ``golden.json``.

    Raises:
        BundleError: Its content is not valid.
    """
    try:
        return Golden.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise BundleError(
            "The golden answers cannot be read.",
            path=path,
            key=".".join(str(part) for part in first["loc"]),
            found=first["msg"],
        ) from None


def golden_of(bundle: Bundle) -> Golden:
    """The golden answers of a bundle.

    Raises:
        BundleError: The bundle holds none.
    """
    return read_golden(bundle.file(f"{GOLDEN_FOLDER}/{GOLDEN_FILE}"))


def golden_frames(bundle: Bundle, golden: Golden | None = None) -> list[Frame]:
    """The golden frames, before preprocessing: ``uint8`` (H, W, 3) RGB each.

    Args:
        bundle: The bundle.
        golden: What :func:`golden_of` returned for it, if it was read before.

    Raises:
        BundleError: The bundle holds none.
        FrameError: One cannot be decoded.
    """
    frames = (golden or golden_of(bundle)).frames
    return [decode_image(bundle.file(f"{GOLDEN_FOLDER}/{frame.file}")) for frame in frames]


def outputs_of(bundle: Bundle) -> tuple[str, ...]:
    """Names of the outputs that every graph of the bundle's task has."""
    return tuple(output.name for output in OUTPUTS[bundle.manifest.task])
