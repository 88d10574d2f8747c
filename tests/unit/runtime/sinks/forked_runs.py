"""Runs in processes of their own, one after the other, so that a test may kill them.

Each line of standard input is a run: ``["JsonlSink", out, source]``. The answer is the process, and
then how it ended. The processes are forks, since importing takes longer than a run.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from edgefit.runtime.sinks import CsvSink, JsonlSink
from edgefit.spec import ClassPrediction, Frame
from tests.unit.runtime.sinks import runs

PAUSE_S = 0.002


class SlowMean(runs.Mean):
    def __call__(self, frame: Frame) -> ClassPrediction:
        time.sleep(PAUSE_S)
        return super().__call__(frame)


def main() -> None:
    runs.Mean = SlowMean  # type: ignore[misc]
    kinds = {kind.__name__: kind for kind in (CsvSink, JsonlSink)}
    for line in sys.stdin:
        name, out, source = json.loads(line)
        process = os.fork()
        if process == 0:
            runs.run(kinds[name], Path(out), Path(source), resume=True)
            os._exit(0)
        say(process)
        say(os.waitpid(process, 0)[1])


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
