"""Seconds until a held-out accuracy is first reached: edgefit against torchvision's reference loop.

::

    edgefit check models/road-signs/recipe.yaml --data DATA --weights FILE --out runs/race
    python -m benchmarks.time_to_accuracy runs/race --target 0.98 --out FILE.json

Both train the run's backbone from the run's weights on the run's training images and are measured
on the run's validation images after every epoch, in the same invocation, one after the other, each
in a process of its own that has all cores. (edgefit's epochs of progressive resizing are measured
on smaller images and not counted; leave ``resizing`` out to have them all.) The clock starts before
the process does, so that imports, decoding, features, the probe and compiling count; measuring
after an epoch does not, on either side. edgefit starts without any cache.

The peer (:mod:`benchmarks.plain_loop`) may have several settings, ``--peer RATE:MIN_SCALE``; the
fastest of them is the one that edgefit is held against. With ``--repeats`` the order is turned
round every time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import against, facts_of, figure, write_result
from benchmarks.readme import table, write_section
from edgefit.metrics import METRICS
from edgefit.recipe import Recipe
from edgefit.records.check import CheckRecord
from edgefit.run import RunFolder
from edgefit.stages.check import Check
from edgefit.stages.runner import Runner

OURS = "edgefit"
GOAL_TIMES = 3.0


@dataclass(frozen=True)
class Racer:
    """One side: its name and the arguments of its process."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Race:
    """What one process did.

    Attributes:
        seconds: Training seconds at the end of each epoch, measuring left out.
        values: The metric after each epoch that was at the full image size.
    """

    seconds: list[float]
    values: list[float]

    def reached(self, target: float) -> float | None:
        """Seconds when the target was first reached; None where it was not."""
        pairs = zip(self.seconds, self.values, strict=True)
        return next((second for second, value in pairs if value >= target), None)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a run folder whose stage `check` has finished")
    parser.add_argument("--target", type=float, default=0.98)
    parser.add_argument("--metric", default="accuracy", choices=sorted(METRICS))
    parser.add_argument("--peer", action="append", metavar="RATE[:MIN_SCALE]")
    parser.add_argument("--peer-epochs", type=int, default=15)
    parser.add_argument("--peer-schedule", choices=["cosine", "step"], default="cosine")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--order", choices=["edgefit-first", "peer-first"], default="edgefit-first")
    parser.add_argument("--whole", action="store_true", help="train on after the target")
    parser.add_argument("--readme", type=Path, help="put the table into this page")
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    run = RunFolder(options.run)
    Runner(run).require(Check)
    peers = [_peer(text, options) for text in options.peer or ["0.0125:0.08"]]
    races: dict[str, list[Race]] = {}
    for repeat in range(options.repeats):
        racers = [_ours(options), *peers]
        if (repeat % 2 == 1) != (options.order == "peer-first"):
            racers.reverse()
        for racer in racers:
            print(f"-- {racer.name}, repeat {repeat + 1}")
            races.setdefault(racer.name, []).append(run_racer(run, racer))
    figures = figures_of(races, options.target, options.metric)
    command = _command(options)
    notes = notes_of(run, races, options)
    if options.readme is not None:
        lines = render(figures, command, notes)
        write_section(options.readme, "time-to-accuracy", "Time to the same accuracy", lines)
    write_result(options.out, "time-to-accuracy", command, figures, notes)


def run_racer(run: RunFolder, racer: Racer) -> Race:
    """Start a side in a process of its own, in a fresh copy of the run, and read its rows."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = fresh_copy(run, Path(scratch) / "run")
        rows = Path(scratch) / "rows.jsonl"
        # the monotonic clock counts from the start of the machine: all processes share it
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", *racer.command, str(fresh.root), "--out", str(rows)],
            check=True,
        )
        return race_of(rows.read_text(encoding="utf-8"), started)


def race_of(rows: str, started: float) -> Race:
    """Rows of a process, as seconds since ``started`` without those of measuring."""
    found = [json.loads(line) for line in rows.splitlines()]
    seconds = [row["at"] - started - row["evaluation"] for row in found]
    return Race(seconds, [row["metric"] for row in found])


def fresh_copy(run: RunFolder, root: Path) -> RunFolder:
    """The run's recipe and checked data without anything that training left behind."""
    copy = RunFolder(root)
    copy.start(run.recipe())
    shutil.copytree(run.root / "check", root / "check")
    shutil.copy(run.root / "stamps" / "check.done.json", root / "stamps")
    Runner(copy).require(Check)
    return copy


def figures_of(races: dict[str, list[Race]], target: float, metric: str) -> list[dict[str, Any]]:
    """Seconds to the target with edgefit held against the fastest peer, and the curves.

    A side that did not reach the target in a repeat counts with all the seconds it trained, which
    flatters it; the figure then says how often.
    """
    name = f"seconds to {metric} {target:g}"
    timed = {who: _seconds_figure(f"{who}, {name}", of, target) for who, of in races.items()}
    ours, peers = timed[OURS], [f for who, f in timed.items() if who != OURS]
    fastest = min(peers, key=lambda f: f["median"])
    ours = against(ours, fastest)
    enough = ours["ratio"] <= 1 / GOAL_TIMES and not ours["parameters"]["not_reached"]
    goal = {"goal": f"at most a third of the fastest peer's ({1 / GOAL_TIMES:.3f})"}
    return [ours | goal | {"reached": enough}, *peers, *_curves(races, metric)]


def _seconds_figure(name: str, races: list[Race], target: float) -> dict[str, Any]:
    samples = []
    for race in races:
        reached = race.reached(target)
        samples.append(race.seconds[-1] if reached is None else reached)
    missed = sum(race.reached(target) is None for race in races)
    return figure(name, samples, unit="s", parameters={"not_reached": missed})


def _curves(races: dict[str, list[Race]], metric: str) -> list[dict[str, Any]]:
    return [
        figure(
            f"{who}, {metric} after each epoch, repeat {number}",
            race.values,
            unit="share",
            better="higher",
            parameters={"seconds": [round(s, 1) for s in race.seconds]},
        )
        for who, several in races.items()
        for number, race in enumerate(several, start=1)
    ]


def render(figures: list[dict[str, Any]], command: str, notes: list[str]) -> list[str]:
    """The table in Markdown: seconds to the target, and how many times slower the peers are."""
    timed = [f for f in figures if f["unit"] == "s"]
    ours = timed[0]["median"]
    rows = [
        [
            one["name"],
            f"{one['median']:.0f}",
            ", ".join(f"{sample:.0f}" for sample in one["samples"]),
            f"{one['median'] / ours:.1f}",
        ]
        for one in timed
    ]
    header = ["", "median, s", "each repeat, s", "times edgefit's"]
    lines = ["```", command, "```", "", *table(header, rows), ""]
    return [*lines, *(f"- {note}" for note in notes)]


def notes_of(
    run: RunFolder, races: dict[str, list[Race]], options: argparse.Namespace
) -> list[str]:
    """What a reader must know of the comparison."""
    recipe = run.recipe()
    counts = facts_of(CheckRecord, run)["images_by_split_and_class"]
    train, val = (sum(counts[split].values()) for split in ("train", "val"))
    notes = [
        f"{recipe.name}: {recipe.model.backbone} from the same pretrained weights, "
        f"{recipe.input.width}x{recipe.input.height}, {train} training images; measured on the "
        f"same {val} validation images after each epoch. These are few looks at few images: a "
        "target is reached some epochs earlier or later by chance, see the curves.",
        *_of_resizing(recipe),
        "Imports, decoding, features and the probe count; measuring does not. Decoding the "
        "validation images counts for edgefit, which does it with the others, not for the peer.",
        f"Peer: SGD, momentum 0.9, weight decay 1e-4, batch 32, {options.peer_schedule} over "
        f"{options.peer_epochs} epochs, RandomResizedCrop, 2 decoding processes; no flip for road "
        "signs.",
    ]
    for who, several in races.items():
        missed = sum(race.reached(options.target) is None for race in several)
        if missed:
            best = max(value for race in several for value in race.values)
            notes.append(
                f"{who} did not reach the target in {missed} of {len(several)} repeats (best "
                f"{best:.4f}); its time is that of the whole training, a lower bound."
            )
    return notes


def _of_resizing(recipe: Recipe) -> list[str]:
    share = recipe.train.resizing.share
    if not share:
        return []
    return [
        f"The first {100 * share:g} % of edgefit's epochs see smaller images (progressive "
        "resizing); they are not counted as looks at the accuracy, their seconds are."
    ]


def _command(options: argparse.Namespace) -> str:
    """What to type to measure again, without the paths of this machine."""
    words = ["python -m benchmarks.time_to_accuracy RUN", f"--target {options.target:g}"]
    words += [f"--metric {options.metric}", f"--repeats {options.repeats}"]
    words += [f"--order {options.order}", *(f"--peer {peer}" for peer in options.peer or ())]
    words += [f"--peer-epochs {options.peer_epochs}", f"--peer-schedule {options.peer_schedule}"]
    return " ".join([*words, *(["--whole"] if options.whole else [])])


def _ours(options: argparse.Namespace) -> Racer:
    return Racer(OURS, ("benchmarks.watched_training", *_stop(options)))


def _peer(text: str, options: argparse.Namespace) -> Racer:
    rate, _, scale = text.partition(":")
    scale = scale or "0.08"
    command = ["benchmarks.plain_loop", "--learning-rate", rate, "--min-scale", scale]
    command += ["--epochs", str(options.peer_epochs), "--schedule", options.peer_schedule]
    name = f"plain loop, rate {float(rate):g}, crops from {float(scale):g}"
    return Racer(name, (*command, *_stop(options)))


def _stop(options: argparse.Namespace) -> tuple[str, ...]:
    target = () if options.whole else ("--target", str(options.target))
    return ("--metric", options.metric, *target)


if __name__ == "__main__":
    main()
