"""edgefit's stage ``train`` under a clock, for ``time_to_accuracy``.

::

    python -m benchmarks.watched_training RUN --out rows.jsonl

The training is the shipped one; lightning's hooks are used to note the clock when an epoch has
been measured, and how long measuring took. Rows have the keys of :mod:`benchmarks.plain_loop`;
row 0 is the network after phase one, where the recipe has one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgefit.records.train import ProbeRecord
from edgefit.run import RunFolder
from edgefit.stages.train import train
from edgefit.train.loop.module import FineTuning

Row = dict[str, Any]


def main() -> None:
    """Train and write one line of JSON an epoch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder whose stage `check` has finished")
    parser.add_argument("--metric", default="accuracy")
    parser.add_argument("--target", type=float, help="stop once the metric has reached it")
    parser.add_argument("--out", type=Path, required=True, help="rows go here, one line an epoch")
    options = parser.parse_args()
    run = RunFolder(options.run)
    with options.out.open("w", encoding="utf-8") as file:

        def write(row: Row) -> None:
            print(json.dumps(row), file=file, flush=True)
            print(f"epoch {row['epoch']}: {row['metric']:.4f}")

        watch(run, options.metric, options.target, write)
        train(run)
        if run.recipe().train.mode == "probe":
            write(_probe_row(run, options.metric))


def watch(run: RunFolder, metric: str, target: float | None, write: Callable[[Row], None]) -> None:
    """Have every fine-tuning in this process call ``write`` with a row after full-size epochs.

    For a process that ends with its one training: the hooks stay.
    """
    evaluation = started = 0.0

    def fit_starts(module: FineTuning) -> None:
        if ProbeRecord.path_in(run.root).is_file():
            write(_probe_row(run, metric))

    def measuring_starts(module: FineTuning) -> None:
        nonlocal started
        started = time.monotonic()

    def measuring_ends(module: FineTuning) -> None:
        nonlocal evaluation
        evaluation += time.monotonic() - started
        epoch, spec = module.history[-1], module.network.spec
        if (epoch.height, epoch.width) != (spec.height, spec.width):
            return  # measured on smaller images than the other side is
        value = epoch.validation[metric]
        write(
            {
                "epoch": epoch.epoch,
                "loss": epoch.train_loss,
                "metric": value,
                "at": time.monotonic(),
                "evaluation": evaluation,
            }
        )
        if target is not None and value >= target:
            module.trainer.should_stop = True

    _after(FineTuning, "on_fit_start", fit_starts)
    _after(FineTuning, "on_validation_start", measuring_starts)
    _after(FineTuning, "on_validation_end", measuring_ends)


def _probe_row(run: RunFolder, metric: str) -> Row:
    measured = ProbeRecord.read(run.root).validation
    return {
        "epoch": 0,
        "loss": measured["loss"],
        "metric": measured[metric],
        "at": time.monotonic(),
        "evaluation": 0.0,
    }


def _after(owner: type, name: str, call: Callable[[Any], None]) -> None:
    hook = getattr(owner, name)

    def both(self: Any, *arguments: Any) -> Any:
        result = hook(self, *arguments)
        call(self)
        return result

    setattr(owner, name, both)


if __name__ == "__main__":
    main()
