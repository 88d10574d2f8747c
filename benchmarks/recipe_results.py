"""What a recipe reached on a real set: from a finished run to the table in the recipe's README.

::

    edgefit build models/road-signs/recipe.yaml --data DATA --weights FILE --out runs/road-signs
    python -m benchmarks.recipe_results runs/road-signs --readme models/road-signs/README.md

The suite replaces everything between the marker lines of the README; nothing there is typed by
hand.
Also writes ``benchmarks/results/recipe-NAME.json`` with the raw samples.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.measuring import commit, facts_of, figure, result_text
from benchmarks.readme import insert
from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.evaluate import EvaluateRecord
from edgefit.records.train import TrainRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder

_HEADLINE = ("accuracy", "balanced_accuracy")
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Read the run and write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path, help="a run that `edgefit build` finished")
    parser.add_argument("--readme", type=Path, required=True)
    parser.add_argument("--command", required=True, help="the build's command, data path general")
    arguments = parser.parse_args()
    run = RunFolder(arguments.run)
    table = render(run, arguments.command)
    arguments.readme.write_text(
        insert(arguments.readme.read_text(encoding="utf-8"), "measured", table), encoding="utf-8"
    )
    name = run.recipe().name
    target = RESULTS / f"recipe-{name}.json"
    target.write_text(result_text(result(run, arguments.command)), encoding="utf-8")
    print(f"written: {arguments.readme}, {target}")


def render(run: RunFolder, command: str) -> str:
    """Markdown: the command, the machine, accuracy with intervals, latency and size."""
    evaluation = facts_of(EvaluateRecord, run)
    verified = facts_of(VerifyRecord, run)
    measured = facts_of(BenchmarkRecord, run)
    training = facts_of(TrainRecord, run)
    machine = measured["machine"]
    worst = evaluation["worst_class"]
    bench = {entry["variant"]: entry for entry in measured["variants"]}
    lines = [
        "```",
        command,
        "```",
        "",
        f"{evaluation['images']} held-out images in {evaluation['groups']} groups; "
        "intervals are 95 %, resampled over groups.",
        "",
        "| variant | gate | accuracy | balanced accuracy | p50 ms | p90 ms | images/s | MB |",
        "|---|---|---|---|---|---|---|---|",
        _row("trained network", "", evaluation["metrics"], None),
        *(
            _row(
                entry["variant"],
                "passed" if entry["passed"] else "**failed**: " + "; ".join(entry["reasons"]),
                entry["metrics"],
                bench.get(entry["variant"]),
            )
            for entry in verified["variants"]
        ),
        "",
        f"- Recommended on this machine: {measured['recommendation']['variant']} "
        f"({measured['recommendation']['reason']}).",
        f"- Worst class: {worst['label']}, recall {_percent(worst['recall'])} on "
        f"{worst['support']} images.",
        f"- Expected calibration error: "
        f"{_percent(evaluation['metrics']['expected_calibration_error'])}.",
        f"- Training: {training['training_seconds'] / 60:.1f} minutes, "
        f"{training['epochs']} epochs, of which epoch {training['best']['epoch']} is kept, "
        f"{training['threads']} threads.",
        f"- Machine: {machine['cpu_model']}, {machine['available_cores']} cores, "
        f"{machine['memory_mb'] / 1024:.0f} GiB, "
        f"{_int8_instructions(machine)}; "
        f"shared with other work, load {_load(machine)} when latency was measured.",
        f"- Timed {measured['measured_at'][:10]}; table written at commit {commit()}.",
    ]
    return "\n".join(lines)


def result(run: RunFolder, command: str) -> dict[str, Any]:
    """The committed result: latency samples of each variant, held-out metrics beside them."""
    measured = facts_of(BenchmarkRecord, run)
    verified = facts_of(VerifyRecord, run)
    metrics = {entry["variant"]: entry["metrics"] for entry in verified["variants"]}
    figures = [
        figure(
            f"latency at batch 1, {entry['variant']}",
            [round_["latency"]["p50_ms"] for round_ in entry["rounds"]],
            parameters={
                "variant": entry["variant"],
                "bytes": entry["bytes"],
                "held_out": {name: metrics[entry["variant"]][name] for name in _HEADLINE},
            },
        )
        for entry in measured["variants"]
        if entry["error"] is None
    ]
    return {
        "format": 1,
        "suite": "recipe-results",
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "command": command,
        "commit": commit(),
        "machine": measured["machine"],
        "figures": figures,
        "notes": [
            "One sample a round: the round's median latency in its own process.",
            "Variants that failed the gate are not timed: "
            + (json.dumps(verified["failed"]) if verified["failed"] else "none failed"),
        ],
    }


def _row(name: str, gate: str, metrics: dict[str, Any], bench: dict[str, Any] | None) -> str:
    speed = ["-"] * 4
    if bench and bench["error"] is None:
        latency = bench["latency_ms"]
        speed = [
            f"{latency['p50']:.2f}",
            f"{latency['p90']:.2f}",
            f"{bench['throughput']['batch1']:.0f}",
            f"{bench['bytes'] / 1e6:.1f}",
        ]
    cells = [
        name,
        gate,
        _percent(metrics["accuracy"]),
        _percent(metrics["balanced_accuracy"]),
        *speed,
    ]
    return f"| {' | '.join(cells)} |"


def _int8_instructions(machine: dict[str, Any]) -> str:
    if machine["flags"] is None:
        return "instructions unknown"
    return ", ".join(f for f in machine["flags"] if "vnni" in f or "amx" in f) or "no VNNI"


def _load(machine: dict[str, Any]) -> str:
    load = machine["load_average"]
    return "unknown" if load is None else f"{load[0]:.1f}"


def _percent(entry: dict[str, Any]) -> str:
    return f"{entry['value'] * 100:.2f} % ({entry['low'] * 100:.1f}-{entry['high'] * 100:.1f})"


if __name__ == "__main__":
    main()
