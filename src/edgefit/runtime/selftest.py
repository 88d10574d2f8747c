"""The device's self-test: golden frames go through each variant and the answers are compared.

A bundle carries a few real frames as lossless PNG, and what each of its variants answered to them
where it was verified. So a device shows without torch and without labels that its decoder, its
preprocessing and its engine do what they did there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgefit.bundle import Bundle
from edgefit.errors import BundleError, InputError
from edgefit.runtime.engines import INSTALL_COMMANDS, engine_is_installed, open_session
from edgefit.runtime.images.decode import decode_image
from edgefit.runtime.images.preprocess import preprocess
from edgefit.runtime.tolerance import may_flip, self_test_tolerance
from edgefit.spec import Frame, VariantKey

GOLDEN_FOLDER = "golden"
GOLDEN_FILE = "golden.json"

PASSED, FAILED, NOT_INSTALLED = "passed", "failed", "not installed"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _GoldenFrame(_Record):
    file: str
    name: str
    target: int | None = None


class _Golden(_Record):
    frames: list[_GoldenFrame] = Field(min_length=1)
    outputs: dict[str, list[list[float]]]


def write_golden(
    folder: Path,
    frames: Sequence[Frame],
    names: Sequence[str],
    outputs: Mapping[VariantKey, NDArray[np.float32]],
    targets: Sequence[int] | None = None,
) -> list[Path]:
    """Write golden frames and the answers expected to them.

    Args:
        folder: Where; made if absent. In a bundle it is ``golden``.
        frames: N frames before preprocessing, ``uint8`` (H, W, 3) RGB.
        names: What to call each in messages.
        outputs: What each variant answered, ``float32`` (N, C), rows in the frames' order.
        targets: True classes of the frames, if known.

    Returns:
        The files written: the PNGs, then ``golden.json``.

    Raises:
        InputError: No frame, or numbers of frames, names, targets and answers that differ.
    """
    counts = {
        "names": len(names),
        **({} if targets is None else {"targets": len(targets)}),
        **{str(key): len(rows) for key, rows in outputs.items()},
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
    golden = _Golden(
        frames=[
            _GoldenFrame(file=path.name, name=name, target=target)
            for path, name, target in zip(paths, names, known, strict=True)
        ],
        outputs={str(key): np.asarray(rows).tolist() for key, rows in outputs.items()},
    )
    written = folder / GOLDEN_FILE
    written.write_text(json.dumps(golden.model_dump(), ensure_ascii=False), encoding="utf-8")
    return [*paths, written]


def golden_frames(bundle: Bundle) -> list[Frame]:
    """The golden frames, before preprocessing: ``uint8`` (H, W, 3) RGB each.

    Raises:
        BundleError: The bundle holds none.
        FrameError: One cannot be decoded.
    """
    return _frames(bundle, _read_golden(bundle))


def self_test(
    bundle: Bundle,
    *,
    variants: Sequence[VariantKey] | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Replay the golden frames and compare with the answers expected.

    Args:
        bundle: A bundle that was read.
        variants: Which to test; default all. One asked for by name must be installed to pass.
        threads: Threads for one inference; None leaves the number to the engine.

    Returns:
        JSON-ready: ``passed`` (at least one variant ran, and none failed), ``frames`` (their
        number), ``variants``: for each name ``status`` (``passed``, ``failed`` or
        ``not installed``) and, where it ran, ``max_abs_difference``, ``tolerance``, ``flips``
        (frames with another class than expected: name, expected, found, margin, allowed) and
        ``session``; where it did not, ``remedy``.

    Raises:
        BundleError: No golden frames, no such variant, or a graph that cannot be opened.
    """
    keys = [bundle.variant(key).key for key in variants or []]
    golden = _read_golden(bundle)
    images_NHWC = np.stack([preprocess(f, bundle.input) for f in _frames(bundle, golden)])
    results = {
        str(key): _test_variant(bundle, key, golden, images_NHWC, threads)
        for key in keys or [v.key for v in bundle.manifest.variants]
    }
    status = [result["status"] for result in results.values()]
    required_missing = bool(variants) and NOT_INSTALLED in status
    passed = PASSED in status and FAILED not in status and not required_missing
    return {"passed": passed, "frames": len(images_NHWC), "variants": results}


def _test_variant(
    bundle: Bundle,
    key: VariantKey,
    golden: _Golden,
    images_NHWC: NDArray[np.uint8],
    threads: int | None,
) -> dict[str, Any]:
    expected_NC = _expected(bundle, key, golden)
    if not engine_is_installed(key.engine):
        return {"status": NOT_INSTALLED, "remedy": INSTALL_COMMANDS[key.engine]}
    session = open_session(bundle.model_path(key), key, threads=threads, batch=1)
    found_NC = np.concatenate([session.infer(image[None]) for image in images_NHWC])
    if found_NC.shape != expected_NC.shape:
        raise _unusable(bundle, f"{found_NC.shape} answers", f"{expected_NC.shape}")
    difference = float(np.abs(found_NC - expected_NC).max())
    flips = _flips(bundle, key, golden, expected_NC, found_NC)
    # A NaN is never within a tolerance: `not (x <= y)` holds for it, `x > y` does not.
    failed = not difference <= self_test_tolerance(key) or any(not f["allowed"] for f in flips)
    return {
        "status": FAILED if failed else PASSED,
        "max_abs_difference": difference if np.isfinite(difference) else None,
        "tolerance": self_test_tolerance(key),
        "flips": flips,
        "session": session.describe(),
    }


def _flips(
    bundle: Bundle,
    key: VariantKey,
    golden: _Golden,
    expected_NC: NDArray[np.float64],
    found_NC: NDArray[np.float32],
) -> list[dict[str, Any]]:
    flips = []
    labels = bundle.labels.names
    for frame, expected_C, found_C in zip(golden.frames, expected_NC, found_NC, strict=True):
        was, now = int(np.argmax(expected_C)), int(np.argmax(found_C))
        if was != now:
            second, first = np.sort(expected_C)[-2:]
            margin = float(first - second)
            flips.append(
                {
                    "frame": frame.name,
                    "expected": labels[was],
                    "found": labels[now],
                    "margin": margin,
                    "allowed": may_flip(margin, key),
                }
            )
    return flips


def _read_golden(bundle: Bundle) -> _Golden:
    path = bundle.file(f"{GOLDEN_FOLDER}/{GOLDEN_FILE}")
    try:
        return _Golden.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise BundleError(
            "The golden answers cannot be read.",
            path=path,
            key=".".join(str(part) for part in first["loc"]),
            found=first["msg"],
        ) from None


def _frames(bundle: Bundle, golden: _Golden) -> list[Frame]:
    return [decode_image(bundle.file(f"{GOLDEN_FOLDER}/{f.file}")) for f in golden.frames]


def _expected(bundle: Bundle, key: VariantKey, golden: _Golden) -> NDArray[np.float64]:
    rows = golden.outputs.get(str(key))
    shape = (len(golden.frames), len(bundle.labels))
    if rows is None or len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
        raise _unusable(bundle, f"{shape} answers of {key}", "none" if rows is None else "others")
    return np.asarray(rows, dtype=np.float64)


def _unusable(bundle: Bundle, expected: str, found: str) -> BundleError:
    return BundleError(
        "The golden answers do not fit the bundle.",
        path=bundle.root / GOLDEN_FOLDER / GOLDEN_FILE,
        expected=expected,
        found=found,
        remedy="build the bundle again",
    )
