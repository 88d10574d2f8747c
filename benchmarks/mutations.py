"""What do damaged images and clips do to the path from a file to the network's input?

``python -m benchmarks.mutations --out FILE.json``. Whole images of every format and short clips
are mutated (bits, bytes, blocks, lengths) and read as ``predict`` reads them, in a process of their
own. A file may give frames or errors. An exception that is not edgefit's, a crash, or more than 5
seconds for one file is a failure, and its number is printed: ``--first N --count 1`` repeats it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from benchmarks.measuring import figure, write_result
from benchmarks.torture_files import KINDS, image
from edgefit.bench.memory import peak_resident_mb
from edgefit.errors import EdgefitError
from edgefit.runtime.images.preprocess import preprocess
from edgefit.runtime.sources import open_source
from edgefit.spec import InputSpec

LONGEST_S = 5.0
MOST_MB = 2000.0
Outcome = Literal["frames", "errors", "refused", "exception", "crash", "hang"]
FAILURES: tuple[Outcome, ...] = ("exception", "crash", "hang")
_SPEC = InputSpec(64, 64)
_CLIPS = (("MJPG", ".avi"), ("mp4v", ".mp4"), ("mp4v", ".mkv"), ("MPG1", ".mpg"), ("mp4v", ".mov"))


@dataclass(frozen=True)
class Reading:
    """What one mutated file did.

    Attributes:
        number: Which file; it is the seed of the mutation.
        kind: What the file was before.
        outcome: ``frames`` only, ``errors`` among or instead of them, or ``refused`` as a whole;
            else a failure.
        seconds: From opening to the last frame.
        memory_mb: Peak resident memory of the process until then.
        words: The exception, if any.
    """

    number: int
    kind: str
    outcome: Outcome
    seconds: float
    memory_mb: float = 0.0
    words: str = ""


def main() -> None:
    """Mutate, read, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    readings = read_mutated(range(options.first, options.first + options.count))
    failures = [r for r in readings if r.outcome in FAILURES]
    for failed in failures:
        print(f"{failed.number}: {failed.kind}: {failed.outcome}: {failed.words}")
    command = f"python -m benchmarks.mutations --first {options.first} --count {options.count}"
    notes = [f"{len({r.kind for r in readings})} kinds of files; the seed of a file is its number."]
    write_result(options.out, "mutations", command, _figures(readings), notes)
    sys.exit(1 if failures else 0)


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """The bytes with one to eight changes."""
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 9))):
        _CHANGES[int(random.integers(len(_CHANGES)))](changed, random)
    return bytes(changed)


def _place(data: bytearray, random: np.random.Generator, longest: int = 64) -> slice:
    # Half of the changes hit the headers, where lengths and sizes are.
    end = len(data) if random.random() < 0.5 else min(len(data), 200)
    start = int(random.integers(end)) if end else 0
    return slice(start, start + int(random.integers(1, longest)))


def _flip(data: bytearray, random: np.random.Generator) -> None:
    place = _place(data, random).start
    data[place : place + 1] = bytes(b ^ 1 << int(random.integers(8)) for b in data[place:][:1])


def _overwrite(data: bytearray, random: np.random.Generator) -> None:
    place = _place(data, random)
    data[place] = random.bytes(len(data[place]))


def _zero(data: bytearray, random: np.random.Generator) -> None:
    place = _place(data, random, 600)
    data[place] = bytes(len(data[place]))


def _delete(data: bytearray, random: np.random.Generator) -> None:
    del data[_place(data, random)]


def _repeat(data: bytearray, random: np.random.Generator) -> None:
    place = _place(data, random)
    data[place] = data[place] * 3


def _cut(data: bytearray, random: np.random.Generator) -> None:
    del data[int(random.integers(len(data) + 1)) :]


def _largest_number(data: bytearray, random: np.random.Generator) -> None:
    place = _place(data, random).start
    data[place : place + 4] = b"\xff\xff\xff\x7f"[: len(data[place : place + 4])]


_CHANGES: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    _flip,
    _overwrite,
    _zero,
    _delete,
    _repeat,
    _cut,
    _largest_number,
)


def whole_files(folder: Path) -> dict[str, tuple[str, bytes]]:
    """The files before their mutation: ``{kind: (suffix, bytes)}``."""
    random = np.random.default_rng(0)
    files = {
        kind.name: (Path(kind.file).suffix, kind.content(random))
        for kind in KINDS
        if kind.read == "answer" and kind.content is not None and not kind.name.startswith("name")
    }
    for codec, suffix in _CLIPS:
        path = folder / f"whole{suffix}"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25, (96, 96))
        for _ in range(12):
            writer.write(np.asarray(image(random).resize((96, 96))))
        writer.release()
        if path.is_file():
            files[f"{codec} clip in {suffix}"] = (suffix, path.read_bytes())
    return files


def read_mutated(numbers: range) -> list[Reading]:
    """Mutate and read files, each known by its number, in a process that is replaced if it dies."""
    readings = []
    with tempfile.TemporaryDirectory() as folder:
        reader = _Reader(Path(folder))
        kinds = list(reader.files)
        for number in numbers:
            readings.append(reader.read(number, kinds[number % len(kinds)]))
        reader.end()
    return readings


class _Reader:
    """The parent's side of the process that reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = whole_files(folder)
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=_read_forever, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self._line.recv()  # the imports are done

    def read(self, number: int, kind: str) -> Reading:
        suffix, data = self.files[kind]
        path = self.folder / f"mutated{suffix}"
        path.write_bytes(mutated(data, np.random.default_rng(number)))
        self._line.send(path)
        begin = time.perf_counter()
        if not self._line.poll(2 * LONGEST_S):
            return self._failed(number, kind, "hang", time.perf_counter() - begin)
        try:
            outcome, words, memory_mb = self._line.recv()
        except EOFError:
            return self._failed(number, kind, "crash", time.perf_counter() - begin)
        seconds = time.perf_counter() - begin
        late: Outcome = "hang" if seconds > LONGEST_S else outcome
        return Reading(number, kind, late, seconds, memory_mb, words)

    def _failed(self, number: int, kind: str, outcome: Outcome, seconds: float) -> Reading:
        self.end()
        words = f"exit code {self._process.exitcode}"
        self._start()
        return Reading(number, kind, outcome, seconds, words=words)

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _read_forever(line: Connection) -> None:
    line.send("ready")
    while True:
        outcome, words = _read(line.recv())
        line.send((outcome, words, peak_resident_mb() or 0.0))


def _read(path: Path) -> tuple[Outcome, str]:
    whole = True
    try:
        for shot in open_source(path, _SPEC):
            whole = whole and shot.error is None
            if shot.frame is not None:
                preprocess(shot.frame, _SPEC)
    except EdgefitError as error:
        return "refused", error.message
    except Exception as error:  # noqa: BLE001 - what this suite looks for
        return "exception", f"{type(error).__name__}: {error}"
    return ("frames" if whole else "errors"), ""


def _figures(readings: list[Reading]) -> list[dict[str, Any]]:
    tally = Counter(reading.outcome for reading in readings)
    good = ("frames", "errors", "refused")
    figures = [figure(name, [float(tally[name])], unit="files") for name in good]
    for name in FAILURES:
        one = figure(name, [float(tally[name])], unit="files")
        figures.append(one | {"goal": "0 files", "reached": tally[name] == 0})
    slowest = sorted(reading.seconds for reading in readings)[-10:]
    figures.append(
        figure("slowest ten", slowest, unit="s")
        | {"goal": f"no file over {LONGEST_S:.0f} s", "reached": slowest[-1] <= LONGEST_S}
    )
    memory = [reading.memory_mb for reading in readings if reading.memory_mb]
    every = [*memory[:: max(1, len(memory) // 50)], memory[-1]]
    figures.append(
        figure("peak memory of the reader, over time", every, unit="MB")
        | {"goal": f"under {MOST_MB:.0f} MB", "reached": max(memory) < MOST_MB}
    )
    return figures


if __name__ == "__main__":
    main()
