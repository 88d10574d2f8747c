"""A run of its own for the tests: frames without end, answered into a file, watched.

Arguments: bundle, file for the records, seconds per frame, file for the health.
"""

from __future__ import annotations

import itertools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from edgefit.runtime.monitor.monitored import Watching, monitored
from edgefit.runtime.monitor.reloading import Reload
from edgefit.runtime.predictor import load
from edgefit.runtime.sinks import JsonlSink
from edgefit.runtime.sources import FrameSource, SourceFrame
from edgefit.runtime.stopping import Stop
from edgefit.runtime.stream import Stream


class Endless(FrameSource):
    """Numbered frames, none of which may be lost."""

    name = "endless"

    def __init__(self, interval_s: float) -> None:
        self._interval_s, self._ended = interval_s, threading.Event()

    @property
    def len_hint(self) -> None:
        return None

    def __iter__(self) -> Iterator[SourceFrame]:
        for index in itertools.count():
            if self._ended.wait(self._interval_s):
                return
            frame = np.full((8, 8, 3), index % 256, np.uint8)
            yield SourceFrame(index, f"{index}.png", None, frame, None, None)

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        return (partial(_same, frame) for frame in self)

    def stop(self) -> None:
        self._ended.set()


def _same(frame: SourceFrame) -> SourceFrame:
    return frame


class Voice:
    """Standard error."""

    def say(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    warn = say


def main(bundle: Path, out: Path, interval_s: float, health: Path) -> int:
    """Run until a signal comes."""
    predictor = load(bundle, threads=1, parallel=2)
    with JsonlSink(out, predictor.columns(top=1)) as sink:
        running = Stream(predictor, [Endless(interval_s)], [sink], workers=2)
        reload = Reload(bundle, lambda new: load(new.root, threads=1, parallel=2), running.swap)
        watching = Watching(metrics="0", health=health, reload=reload, version="1.2")
        with (
            Stop(running.stop, sink.reopen) as stop,
            monitored(running, predictor, watching, Voice()) as answers,
        ):
            for _ in answers:
                pass
    return 130 if stop.asked is signal.SIGINT else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
