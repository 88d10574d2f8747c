"""How long a frame takes to become the network's input, and how near it is to a reference resize.

``python -m benchmarks.preprocess --out FILE.json``. One core. Peers in the same run: OpenCV's
area averaging (the plain way to shrink without aliasing) and Pillow's antialiased bilinear resize.
The frames are those of a video, or drawn where none is given.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.measuring import against, figure, time_in_turn, write_result
from edgefit.runtime.images.preprocess import decode_image, preprocess
from edgefit.runtime.sources import open_source
from edgefit.spec import Aspect, Enlarge, Frame, InputSpec, JpegDecode

GOAL_MS = 1.0


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", help="take frames from this clip; else they are drawn")
    parser.add_argument("--side", type=int, default=224, help="input width and height")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    frames = _frames(options.video)
    figures = [*_resizing(frames, options), *_nearness(frames, options)]
    figures += [*_enlarging(frames, options), *_jpeg(frames, options)]
    origin = "a real clip" if options.video else "drawn frames (--video takes real ones)"
    height, width = frames[0].shape[:2]
    command = f"python -m benchmarks.preprocess --side {options.side} --rounds {options.rounds}"
    command += " --video CLIP" if options.video else ""
    notes = [f"{len(frames)} frames of {width}x{height} from {origin}; OpenCV on one thread."]
    write_result(options.out, "preprocess", command, figures, notes)


def _frames(video: str | None) -> list[Frame]:
    if video is not None:
        shots = [shot.frame for shot in open_source(video) if shot.frame is not None]
        return shots[:: max(1, len(shots) // 8)][:8]
    frames = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        coarse = random.integers(0, 256, (18, 32, 3), dtype=np.uint8)
        smooth: Any = cv2.resize(coarse, (1280, 720), interpolation=cv2.INTER_CUBIC)
        noisy = smooth + random.normal(0, 6, smooth.shape)
        frames.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return frames


def _resizing(frames: list[Frame], options: argparse.Namespace) -> list[dict[str, Any]]:
    from PIL import Image

    side = options.side
    frame, image = frames[0], Image.fromarray(frames[0])
    specs = {aspect: InputSpec(side, side, aspect=aspect) for aspect in Aspect}
    samples = time_in_turn(
        {
            **{
                f"preprocess {aspect}": lambda s=spec: preprocess(frame, s)
                for aspect, spec in specs.items()
            },
            "cv2.resize INTER_AREA": lambda: cv2.resize(
                frame, (side, side), interpolation=cv2.INTER_AREA
            ),
            "Pillow BILINEAR antialiased": lambda: image.resize(
                (side, side), Image.Resampling.BILINEAR
            ),
        },
        rounds=options.rounds,
        runs=20,
    )
    parameters = {"from": f"{frame.shape[1]}x{frame.shape[0]}", "to": f"{side}x{side}"}
    figures = {name: figure(name, s, parameters=parameters) for name, s in samples.items()}
    ours, area = figures["preprocess stretch"], figures["cv2.resize INTER_AREA"]
    goal = {"goal": f"{GOAL_MS} ms on one core", "reached": ours["median"] <= GOAL_MS}
    figures["preprocess stretch"] = against(ours, area) | goal
    return list(figures.values())


def _nearness(frames: list[Frame], options: argparse.Namespace) -> list[dict[str, Any]]:
    from PIL import Image

    size = (options.side, options.side)
    spec = InputSpec(*size)
    ways = {
        "preprocess stretch": lambda f: preprocess(f, spec),
        "cv2.resize INTER_AREA": lambda f: cv2.resize(f, size, interpolation=cv2.INTER_AREA),
        "cv2.resize INTER_LINEAR": lambda f: cv2.resize(f, size),
    }
    figures = []
    for name, way in ways.items():
        samples = []
        for frame in frames:
            reference = Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR)
            samples.append(_mean_difference(way(frame), np.asarray(reference)))
        figures.append(figure(f"{name}, distance to Pillow", samples, unit="grey levels"))
    return figures


def _enlarging(frames: list[Frame], options: argparse.Namespace) -> list[dict[str, Any]]:
    side = options.side
    small = preprocess(frames[0], InputSpec(side // 2, side // 2))
    specs = {way: InputSpec(side, side, enlarge=way) for way in Enlarge}
    samples = time_in_turn(
        {
            f"enlarge {way}": lambda s=spec: preprocess(small, s)  # type: ignore[misc]
            for way, spec in specs.items()
        },
        rounds=options.rounds,
        runs=20,
    )
    parameters = {"from": f"{side // 2}x{side // 2}", "to": f"{side}x{side}"}
    plain, *others = (figure(name, s, parameters=parameters) for name, s in samples.items())
    return [plain, *(against(other, plain) for other in others)]


def _jpeg(frames: list[Frame], options: argparse.Namespace) -> list[dict[str, Any]]:
    files = [
        cv2.imencode(".jpg", cv2.cvtColor(f, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])[
            1
        ].tobytes()
        for f in frames
    ]
    exact = InputSpec(options.side, options.side)
    scaled = InputSpec(options.side, options.side, jpeg_decode=JpegDecode.SCALED)
    samples = time_in_turn(
        {
            "JPEG file to input, exact": lambda: preprocess(decode_image(files[0], exact), exact),
            "JPEG file to input, scaled": lambda: preprocess(
                decode_image(files[0], scaled), scaled
            ),
        },
        rounds=options.rounds,
        runs=10,
    )
    slow, fast = (figure(name, s) for name, s in samples.items())
    distances = [
        _mean_difference(
            preprocess(decode_image(data, exact), exact),
            preprocess(decode_image(data, scaled), scaled),
        )
        for data in files
    ]
    name = "JPEG scaled, distance to exact"
    return [slow, against(fast, slow), figure(name, distances, unit="grey levels")]


def _mean_difference(one: Any, other: Any) -> float:
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


if __name__ == "__main__":
    main()
