"""Does every file of a torture folder get an answer, an error, or a reason?

``python -m benchmarks.torture BUNDLE --out FILE.json``. Writes a folder of 2,000 files of 70
kinds (``torture_files``), nested, linked, misnamed and damaged, and gives it to ``check``,
``predict`` and ``watch``. Counts are compared with those of ``find``, and each file with what its
kind requires.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measuring import figure, write_result
from benchmarks.torture_files import KINDS, Kind, Outcome, write_folder
from edgefit.data.frozen import frozen_samples
from edgefit.names import printable
from edgefit.run import RunFolder

CLASSES = ("good", "hole", "scratch")
_RECIPE = {"name": "torture", "input": {"width": 32, "height": 32}, "model": {"weights": "none"}}


@dataclass(frozen=True)
class Result:
    """What a verb did with a folder.

    Attributes:
        verb: Its name.
        found: Entries that ``find`` counts.
        outcomes: Outcome of each file that has a line of its own, by printable name.
        passed_over: Number of entries passed over.
    """

    verb: str
    found: int
    outcomes: dict[str, Outcome]
    passed_over: int

    @property
    def counted(self) -> int:
        """Entries that have an outcome."""
        return len(self.outcomes) + self.passed_over

    def surprises(self, kinds: dict[str, Kind]) -> list[str]:
        """Files whose outcome is not the one that their kind requires."""
        wanted = {printable(path): kind for path, kind in kinds.items()}
        return [
            f"{self.verb}: {kind.name}: {path!r}: {self.outcomes.get(path, 'pass')}"
            for path, kind in wanted.items()
            if self.outcomes.get(path, "pass") != kind.outcome(self.verb)
        ]


def main() -> None:
    """Write the folders, run the verbs, compare, write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the result here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results, surprises = torture(options.bundle, Path(folder), options.files, options.seed)
    for line in surprises:
        print(line)
    figures = [one for result in results for one in _figures(result)]
    command = f"python -m benchmarks.torture BUNDLE --files {options.files} --seed {options.seed}"
    notes = [f"{len(KINDS)} kinds; {len(surprises)} files with another outcome than required."]
    write_result(options.out, "torture", command, figures, [*notes, *surprises[:20]])
    sys.exit(1 if surprises or any(r.counted != r.found for r in results) else 0)


def torture(bundle: Path, folder: Path, files: int, seed: int) -> tuple[list[Result], list[str]]:
    """Run the three verbs.

    Returns:
        Their results, and every file whose outcome is not the one that its kind requires.
    """
    data, inbox = folder / "data", folder / "inbox"
    labelled = write_folder(data, CLASSES, files, seed)
    waiting = write_folder(inbox, (), files, seed)
    (folder / "recipe.yaml").write_text(yaml.safe_dump(_RECIPE), encoding="utf-8")
    results = [_check(folder, data), _predict(folder, bundle, data), _watch(folder, bundle, inbox)]
    kinds = {"check": labelled, "predict": labelled, "watch": waiting}
    return results, [line for r in results for line in r.surprises(kinds[r.verb])]


def _check(folder: Path, data: Path) -> Result:
    run = folder / "run"
    asked = [folder / "recipe.yaml", "--data", data, "--out", run, "--json"]
    record = json.loads(_edgefit("check", *asked))
    names = _sample_names(RunFolder(run))
    outcomes: dict[str, Outcome] = dict.fromkeys([*names, *record["dropped_leaks"]], "answer")
    outcomes.update(dict.fromkeys(record["unreadable"], "error"))
    return Result("check", count_entries(data), outcomes, _sum(record["passed_over"]))


def _sample_names(run: RunFolder) -> list[str]:
    return [printable(sample.path) for sample in frozen_samples(run).samples]


def _predict(folder: Path, bundle: Path, data: Path) -> Result:
    *lines, last = _json_lines(_edgefit("predict", bundle, data, "--json"))
    outcomes = {line["name"]: _outcome(line) for line in lines}
    return Result("predict", count_entries(data), outcomes, _sum(last["summary"]["passed_over"]))


def _watch(folder: Path, bundle: Path, inbox: Path) -> Result:
    found = count_entries(inbox)
    asked = [bundle, inbox, "--once", "--settle", "0", "--json"]
    summary = json.loads(_edgefit("watch", *asked))
    lines = _json_lines((folder / "results.jsonl").read_text(encoding="utf-8"))
    by_file: dict[str, list[Outcome]] = {}
    for line in lines:
        by_file.setdefault(line["name"].split(".avi#")[0], []).append(_outcome(line))
    clips = {name for name in by_file if Path(name).name.startswith("clip")}
    outcomes: dict[str, Outcome] = {
        f"{name}.avi" if name in clips else name: "error" if "error" in found_ else "answer"
        for name, found_ in by_file.items()
    }
    return Result("watch", found, outcomes, _sum(summary["passed_over"]))


def _outcome(line: dict[str, Any]) -> Outcome:
    return "answer" if line["error"] is None else "error"


def _sum(passed_over: list[dict[str, Any]]) -> int:
    return sum(entry["files"] for entry in passed_over)


def _edgefit(*arguments: object) -> str:
    """What the program prints on standard output; a traceback or a crash ends the suite."""
    asked = subprocess.run(
        [sys.executable, "-m", "edgefit", *map(str, arguments)], capture_output=True, check=False
    )
    said = asked.stderr.decode("utf-8", "replace")
    if asked.returncode not in (0, 1) or "Traceback" in said:
        raise SystemExit(f"{arguments[0]} ended with {asked.returncode}:\n{said[-3000:]}")
    return asked.stdout.decode("utf-8")


def _json_lines(text: str) -> list[dict[str, Any]]:
    # str.splitlines would also split at the separators that names may hold
    return [json.loads(line) for line in text.split("\n") if line]


def count_entries(folder: Path) -> int:
    """What ``find FOLDER ! -type d`` counts."""
    found = subprocess.run(
        ["find", str(folder), "!", "-type", "d", "-printf", "x"], capture_output=True, check=True
    )
    return len(found.stdout)


def _figures(result: Result) -> list[dict[str, Any]]:
    tally = Counter(result.outcomes.values())
    counts = {
        "answered": tally["answer"],
        "errors": tally["error"],
        "passed over": result.passed_over,
        "not counted": result.found - result.counted,
    }
    return [
        figure(f"{result.verb}: {name}", [float(number)], unit="files")
        | ({"goal": "0 files", "reached": number == 0} if name == "not counted" else {})
        for name, number in counts.items()
    ]


if __name__ == "__main__":
    main()
