"""Small JPEGs inside the page: the most confident mistakes, and the golden frames."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.names import printable
from edgefit.report.facts import RunFacts
from edgefit.runtime.images.preprocess import decode_image
from edgefit.spec import PROBABILITIES, Frame, InputSpec, JpegDecode

MOST_THUMBNAILS = 24
_LONG_SIDE = 160
_JPEG_QUALITY = 82


@dataclass(frozen=True)
class Thumbnail:
    """One image of a contact sheet.

    Attributes:
        source: ``data:`` address of a JPEG; None if the file can no longer be read.
        name: File name.
        truth: True class; None if it is unknown.
        answer: Class that was answered.
        confidence: Its probability, 0 to 1.
    """

    source: str | None
    name: str
    truth: str | None
    answer: str
    confidence: float


@dataclass(frozen=True)
class Answers:
    """What the trained network answered to the held-out images.

    Attributes:
        answers_N: Most probable class, ``int64`` (N,).
        confidence_N: Its probability, ``float32`` (N,).
        right_N: Whether it is the true class, bool (N,).
    """

    answers_N: NDArray[np.int64]
    confidence_N: NDArray[np.float32]
    right_N: NDArray[np.bool_]


def answers_of(facts: RunFacts) -> Answers:
    """The answers, from the outputs that ``evaluate`` saved."""
    probabilities_NC = facts.outputs[PROBABILITIES.name]
    answers_N = probabilities_NC.argmax(axis=1)
    right_N = answers_N == facts.test.targets_N()
    return Answers(answers_N, probabilities_NC.max(axis=1), right_N)


def mistakes(facts: RunFacts) -> list[Thumbnail]:
    """The held-out images that the trained network got wrong with the greatest confidence."""
    found = answers_of(facts)
    wrong_N = np.flatnonzero(~found.right_N)
    order = wrong_N[np.argsort(-found.confidence_N[wrong_N], kind="stable")]
    recipe = facts.recipe.input.model_copy(update={"jpeg_decode": JpegDecode.EXACT})
    spec = recipe.to_spec(facts.card.mean, facts.card.std)
    thumbnails = []
    for index in order[:MOST_THUMBNAILS].tolist():
        sample = facts.test.samples[index]
        thumbnails.append(
            Thumbnail(
                source=thumbnail(facts.test.absolute(sample), spec),
                name=printable(PurePosixPath(sample.path).name),
                truth=sample.label,
                answer=facts.labels[found.answers_N[index]],
                confidence=float(found.confidence_N[index]),
            )
        )
    return thumbnails


def golden_frames(facts: RunFacts) -> list[Thumbnail]:
    """The frames of the device's self-test, with the answers of the recommended variant."""
    outputs = facts.golden.answers(facts.recommended.key) or {}
    thumbnails = []
    for entry, row in zip(facts.golden.frames, outputs[PROBABILITIES.name], strict=True):
        answer, target = int(row.argmax()), entry.target
        thumbnails.append(
            Thumbnail(
                source=thumbnail(facts.golden_folder / entry.file),
                name=PurePosixPath(entry.name).name,
                truth=None if target is None else facts.labels[target],
                answer=facts.labels[answer],
                confidence=float(row[answer]),
            )
        )
    return thumbnails[:MOST_THUMBNAILS]


def thumbnail(path: Path, spec: InputSpec | None = None) -> str | None:
    """An image as a ``data:`` address, at most 160 pixels a side.

    None if it can no longer be read: a data set may have changed since its training, and the
    report says so instead of failing.
    """
    if not path.is_file():
        return None
    try:
        frame = decode_image(path, spec)
    except FrameError:
        return None
    return "data:image/jpeg;base64," + base64.b64encode(_small_jpeg(frame)).decode()


def _small_jpeg(frame: Frame) -> bytes:
    height, width = frame.shape[:2]
    scale = min(1.0, _LONG_SIDE / max(height, width))
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = frame if scale == 1 else cv2.resize(frame, shape, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return bytes(jpeg)
