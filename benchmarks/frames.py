"""How many frames a second the whole path answers, against a bound and a naive loop.

``python -m benchmarks.frames BUNDLE --out FILE.json``. For every variant, interleaved in one run:

- the bound: cores / (decode + preprocess + inference), each measured alone on one core;
- a naive loop: ``cv2.imread`` (or ``VideoCapture.read``), ``cv2.resize``, the engine with its
  default threads, one frame after the other;
- ``predict`` before the pipeline: the same steps through edgefit, one frame after the other;
- the pipeline, with one worker for each core.

Folders of JPEG files with 300 and 1920 pixels a side, the latter also with ``jpeg_decode: scaled``,
and a 720p video. They are drawn; ``--clip`` takes a real clip.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.measuring import against, figure, write_result
from edgefit.bundle import Bundle, read_bundle
from edgefit.runtime.cores import available_cores
from edgefit.runtime.engines import open_session
from edgefit.runtime.images.decode import decode_image
from edgefit.runtime.images.preprocess import preprocess
from edgefit.runtime.opening import open_sources, opened, pace_for
from edgefit.runtime.predictor import Predictor
from edgefit.runtime.sources import SourceOptions
from edgefit.runtime.stream import Stream
from edgefit.spec import InputSpec, JpegDecode, VariantKey

OF_BOUND, OF_NAIVE, OF_NAIVE_SCALED = 0.9, 1.6, 3.0


@dataclass(frozen=True)
class Work:
    """What is read.

    Attributes:
        name: In the figures.
        path: A folder of JPEG files, or a video.
        frames: How many.
        decode: The input contract's way to decode.
    """

    name: str
    path: Path
    frames: int
    decode: JpegDecode = JpegDecode.EXACT

    @property
    def is_video(self) -> bool:
        """Whether it is a video."""
        return self.path.is_file()


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=120, help="frames of each folder")
    parser.add_argument("--variants", default="fp32,int8", help="precisions to measure")
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    bundle = read_bundle(options.bundle)
    keys = [
        variant.key
        for variant in bundle.manifest.variants
        if str(variant.key.precision) in options.variants.split(",")
    ]
    figures: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for work in _works(Path(folder), options.frames):
            for key in keys:
                figures += _measured(bundle, key, work, options.rounds)
    command = (
        f"python -m benchmarks.frames BUNDLE --rounds {options.rounds} --frames {options.frames}"
    )
    notes = [
        f"{available_cores()} cores; input {bundle.input.width}x{bundle.input.height}.",
        "Each figure is one pass over all frames per sample; the passes take turns.",
    ]
    write_result(options.out, "frames", command, figures, notes)


def _works(folder: Path, frames: int) -> Sequence[Work]:
    small, large = folder / "small", folder / "large"
    _write_images(small, 300, 300, frames)
    _write_images(large, 1920, 1080, frames)
    clip = folder / "clip.mp4"
    _write_clip(clip, frames)
    return (
        Work("300 px JPEG", small, frames),
        Work("1080p JPEG", large, frames),
        Work("1080p JPEG, scaled decode", large, frames, JpegDecode.SCALED),
        Work("720p video", clip, frames),
    )


def _drawn(width: int, height: int, seed: int) -> Any:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 18, width // 18, 3), dtype=np.uint8)
    smooth: Any = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + random.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8)


def _write_images(folder: Path, width: int, height: int, frames: int) -> None:
    folder.mkdir()
    files = [
        cv2.imencode(".jpg", _drawn(width, height, seed), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        for seed in range(8)
    ]
    for number in range(frames):
        (folder / f"{number:05d}.jpg").write_bytes(files[number % len(files)].tobytes())


def _write_clip(path: Path, frames: int) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (1280, 720))
    still = _drawn(1280, 720, 0)
    for number in range(frames):
        writer.write(np.roll(still, 8 * number, axis=1))
    writer.release()


def _measured(bundle: Bundle, key: VariantKey, work: Work, rounds: int) -> list[dict[str, Any]]:
    spec = replace(bundle.input, jpeg_decode=work.decode)
    single = open_session(bundle.model_path(key), key, threads=1, batch=1)
    naive_session = open_session(bundle.model_path(key), key, batch=1)
    pace = pace_for(open_sources(work.path, SourceOptions(spec=spec)))
    predictors = (
        opened(bundle, str(key), replace(pace, workers=1, threads=None)),
        opened(bundle, str(key), pace),
    )
    passes: dict[str, Callable[[], float]] = {
        "naive loop": lambda: _rate(lambda: _naive(naive_session, work, spec), work.frames),
        "one by one": lambda: _rate(lambda: _one_by_one(predictors[0], work, spec), work.frames),
        "pipeline": lambda: _rate(
            lambda: _pipeline(predictors[1], work, spec, pace.workers), work.frames
        ),
        "bound": lambda: _bound(single, work, spec),
    }
    samples: dict[str, list[float]] = {name: [] for name in passes}
    for turn in range(rounds + 1):
        for name, run in passes.items():
            rate = run()
            if turn:  # the first turn warms up
                samples[name].append(rate)
    return _figures(f"{work.name}, {key}", samples, work)


def _figures(name: str, samples: dict[str, list[float]], work: Work) -> list[dict[str, Any]]:
    made = {
        step: figure(f"{name}: {step}", rates, unit="frames/s", better="higher")
        for step, rates in samples.items()
    }
    pipeline = made["pipeline"]
    goal = OF_NAIVE_SCALED if work.decode is JpegDecode.SCALED else OF_NAIVE
    of_bound = pipeline["median"] / made["bound"]["median"]
    of_naive = pipeline["median"] / made["naive loop"]["median"]
    return [
        made["naive loop"],
        made["bound"],
        against(made["one by one"], made["naive loop"]),
        against(pipeline, made["bound"])
        | {"goal": f"{OF_BOUND} of the bound", "reached": of_bound >= OF_BOUND},
        against(pipeline | {"name": f"{name}: pipeline, to the naive loop"}, made["naive loop"])
        | {"goal": f"{goal} times the naive loop", "reached": of_naive >= goal},
        against(pipeline | {"name": f"{name}: pipeline, to one by one"}, made["one by one"]),
    ]


def _rate(run: Callable[[], int], frames: int) -> float:
    begin = time.perf_counter()
    answered = run()
    seconds = time.perf_counter() - begin
    if answered != frames:
        raise SystemExit(f"{answered} of {frames} frames were answered")
    return frames / seconds


def _naive(session: Any, work: Work, spec: InputSpec) -> int:
    """Ten lines of OpenCV and the engine, as tutorials have them."""
    answered = 0
    size = (spec.width, spec.height)
    if work.is_video:
        capture = cv2.VideoCapture(str(work.path))
        while True:
            good, frame = capture.read()
            if not good:
                return answered
            session.infer(cv2.resize(frame, size)[None, ..., ::-1])
            answered += 1
    for path in sorted(work.path.iterdir()):
        session.infer(cv2.resize(cv2.imread(str(path)), size)[None, ..., ::-1])
        answered += 1
    return answered


def _one_by_one(predictor: Predictor, work: Work, spec: InputSpec) -> int:
    (source,) = open_sources(work.path, SourceOptions(spec=spec))
    return sum(predictor(shot.frame) is not None for shot in source if shot.frame is not None)


def _pipeline(predictor: Predictor, work: Work, spec: InputSpec, workers: int) -> int:
    sources = open_sources(work.path, SourceOptions(spec=spec))
    running = Stream(predictor, sources, workers=workers)
    return sum(answer.prediction is not None for answer in running)


def _bound(session: Any, work: Work, spec: InputSpec) -> float:
    """Frames a second if all cores were always busy with the three steps."""
    former = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        decode_s, frames = _decoding(work, spec)
        inputs = [preprocess(frame, spec)[None] for frame in frames]
        preprocess_s = _seconds(lambda: [preprocess(frame, spec) for frame in frames], len(frames))
        infer_s = _seconds(lambda: [session.infer(one) for one in inputs], len(inputs))
    finally:
        cv2.setNumThreads(former)
    return available_cores() / (decode_s + preprocess_s + infer_s)


def _decoding(work: Work, spec: InputSpec) -> tuple[float, list[Any]]:
    """Seconds for a frame on one core, and some of the frames."""
    if not work.is_video:
        files = [path.read_bytes() for path in sorted(work.path.iterdir())[:8]]
        frames = [decode_image(data, spec) for data in files]
        return _seconds(lambda: [decode_image(data, spec) for data in files], len(files)), frames
    (source,) = open_sources(work.path, SourceOptions(spec=spec))
    process = time.process_time()
    frames = [shot.frame for shot in source if shot.frame is not None]
    # FFmpeg decodes in threads of its own: their processor time counts, not the time that passed
    seconds = (time.process_time() - process) / len(frames)
    return seconds, frames[:8]


def _seconds(run: Callable[[], object], frames: int, repeats: int = 3) -> float:
    run()
    begin = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - begin) / repeats / frames


if __name__ == "__main__":
    main()
