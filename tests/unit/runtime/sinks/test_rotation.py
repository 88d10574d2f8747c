"""When a file is full, and how the next one is called."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sinks.rotation import FileNames, Rotation, parse_rotation

NOON = datetime(2026, 12, 1, 12, 0, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "rotation"),
    [
        ("100MB", Rotation(size=100_000_000)),
        ("1.5 GiB", Rotation(size=3 * 2**29)),
        ("64kb", Rotation(size=64_000)),
        ("30m", Rotation(every_s=1800)),
        ("1h", Rotation(every_s=3600)),
        ("1d", Rotation(every_s=86400)),
        ("100MB,1d", Rotation(100_000_000, 86400)),
    ],
)
def test_a_rotation_is_a_size_a_time_or_both(text: str, rotation: Rotation) -> None:
    assert parse_rotation(text) == rotation


@pytest.mark.parametrize(
    "text", ["", "100", "MB", "0MB", "-1h", "1w", "1h,2h", "1MB,2MB", "1h,", "nan h"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a size or a time"):
        parse_rotation(text)


def test_fields_are_the_time_in_utc() -> None:
    names = FileNames(Path("a/results-{date}-{hour}-{time}.jsonl"))
    assert names.at(NOON) == Path("a/results-2026-12-01-12-120005.jsonl")
    assert names.at(NOON, 2) == Path("a/results-2026-12-01-12-120005.0002.jsonl")
    assert FileNames(Path("results")).at(NOON, 3) == Path("results.0003")


@pytest.mark.parametrize("template", ["{day}.jsonl", "{date}/out.jsonl", "{Date}.csv"])
def test_other_fields_are_refused(template: str) -> None:
    with pytest.raises(InputError, match="field"):
        FileNames(Path(template))


@pytest.mark.parametrize(
    ("template", "later_s", "grows"),
    [
        ("{date}.jsonl", 3600 * 11, False),
        ("{date}.jsonl", 3600 * 12, True),
        ("{hour}.jsonl", 3600, True),
        ("{hour}.jsonl", 3600 * 12, True),  # hour 0 of the next day
        ("{time}.jsonl", 86400 * 9, False),
        ("out.jsonl", 86400 * 9, False),
    ],
)
def test_a_name_with_a_day_or_an_hour_asks_for_a_new_file(
    template: str, later_s: int, grows: bool
) -> None:
    names = FileNames(Path(template))
    before = names.period(NOON, Rotation())
    assert (names.period(NOON + later_s, Rotation()) > before) is grows


def test_time_passes_at_multiples_of_the_period() -> None:
    names, hourly = FileNames(Path("out.jsonl")), parse_rotation("1h")
    assert names.period(NOON + 3594, hourly) == names.period(NOON, hourly)
    assert names.period(NOON + 3595, hourly) > names.period(NOON, hourly)


def test_the_files_of_a_series_are_found_the_oldest_first(tmp_path: Path) -> None:
    ours = [
        *("r-2026-11-30.jsonl", "r-2026-12-01.jsonl", "r-2026-12-01.0002.jsonl"),
        *("r-2026-12-01.0010.jsonl", "r-2026-12-01.10000.jsonl"),
    ]
    for name in [*reversed(ours), "r-new.jsonl", "r-2026-12-01.2.jsonl", "r-2026-12-01.jsonl.gz"]:
        (tmp_path / name).touch()
    names = FileNames(tmp_path / "r-{date}.jsonl")
    assert [path.name for path in names.existing()] == ours
    assert names.number_of(tmp_path / ours[3], NOON) == 10
    assert names.number_of(tmp_path / ours[0], NOON) is None
    assert FileNames(tmp_path / "absent" / "r.jsonl").existing() == []


@pytest.mark.parametrize("template", ["a+(b).{date}", "{date}-{date}.x", "{time}{hour}.v1.csv"])
def test_any_template_finds_its_own_files(template: str, tmp_path: Path) -> None:
    names = FileNames(tmp_path / template)
    made = [names.at(NOON), names.at(NOON, 2)]
    for path in made:
        path.touch()
    assert names.existing() == made
    assert [names.number_of(path, NOON) for path in made] == [1, 2]
