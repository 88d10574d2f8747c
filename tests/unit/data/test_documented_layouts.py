"""The layouts and lists that docs/how-to/prepare-data.md shows are read as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edgefit.data.formats import read_samples
from edgefit.data.formats.splits import split_of
from edgefit.recipe import DataConfig

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "prepare-data.md").read_text("utf-8")
CLASSES, SPLITS, CSV = re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)


def paths_of(block: str) -> list[str]:
    return [line.split()[0] for line in block.splitlines() if line]


@pytest.mark.parametrize(
    ("block", "splits"),
    [
        (CLASSES, {None}),
        (SPLITS.split("\n\n")[0], {"train", "test"}),
        (SPLITS.split("\n\n")[1], {"train", "test"}),
    ],
)
def test_shown_folders(tmp_path: Path, block: str, splits: set[str | None]) -> None:
    for path in (p for shown in paths_of(block) for p in (shown, shown.replace("good", "bad"))):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    table = read_samples(tmp_path / "images", DataConfig()).table
    assert {s.split for s in table.samples} == splits
    assert set(table.labels.names) <= {"good", "bad", "scratch"}


def test_shown_list(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(CSV, encoding="utf-8")
    table = read_samples(tmp_path / "set.csv", DataConfig()).table
    assert [(s.label, s.split, s.group) for s in table.samples] == [
        ("good", "train", "part 1"),
        ("scratch", "test", "part 2"),
    ]


@pytest.mark.parametrize("row", re.findall(r"^\| (train|val|test) \| (.*) \|$", PAGE, re.MULTILINE))
def test_shown_words(row: tuple[str, str]) -> None:
    split, words = row
    assert {split_of(word.strip("` ")) for word in words.split(",")} == {split}
