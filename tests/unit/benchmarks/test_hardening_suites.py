"""The suites that look for faults run, find the faults they look for, and their results fit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import mutations
from benchmarks.torture import Result, count_entries
from benchmarks.torture_files import KINDS, write_folder
from tests.unit.benchmarks.test_runtime_suites import figures_of


@pytest.mark.slow
def test_mutated_files_are_read_without_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["mutations", "--count", "150", "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        mutations.main()
    assert ended.value.code == 0
    figures = figures_of(out, "mutations")
    read = [figures[name]["median"] for name in ("frames", "errors", "refused")]
    assert sum(float(str(number)) for number in read) == 150
    assert figures["errors"]["median"] != 0


def test_a_mutation_is_known_by_its_number() -> None:
    data = bytes(range(256)) * 4
    first, again, other = (mutations.mutated(data, np.random.default_rng(n)) for n in (1, 1, 2))
    assert first == again
    assert len({data, first, other}) == 3
    assert mutations.mutated(b"", np.random.default_rng(1)) is not None


def test_the_torture_folder_holds_as_many_files_as_asked(tmp_path: Path) -> None:
    written = write_folder(tmp_path / "in", ("good", "bad"), 2 * len(KINDS), seed=3)
    assert count_entries(tmp_path / "in") == len(written) == 2 * len(KINDS)
    assert {kind.name for kind in written.values()} == {kind.name for kind in KINDS}


def test_a_file_without_the_required_outcome_is_named(tmp_path: Path) -> None:
    kinds = {kind.name: kind for kind in KINDS}
    files = {"a.jpg": kinds["JPEG"], "b.jpg": kinds["empty file"], "c.txt": kinds["text"]}
    right = Result("predict", 3, {"a.jpg": "answer", "b.jpg": "error"}, 1)
    wrong = Result("predict", 3, {"a.jpg": "answer", "b.jpg": "answer"}, 1)
    assert right.surprises(files) == []
    assert wrong.surprises(files) == ["predict: empty file: 'b.jpg': answer"]
    assert right.counted == right.found
