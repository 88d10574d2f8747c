"""Files that are opened anew, and series of files."""

from __future__ import annotations

import errno
import io
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sinks import Answered, JsonlSink, Rotation
from edgefit.runtime.sinks.output import RecordFormat, RotatedFiles, open_output
from edgefit.runtime.sinks.rotation import FileNames
from edgefit.runtime.sinks.written import json_lines
from tests.unit.runtime.sinks.answers import columns
from tests.unit.runtime.sinks.runs import ENDINGS, KINDS, TextSink, names, opened, regions_of, run
from tests.unit.runtime.sources.written import mixed_folder

PLAIN = RecordFormat(b"", json_lines)
HEADED = RecordFormat(b"head\n", json_lines)
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_renamed_file_is_opened_anew_between_two_records(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    output = open_output(path, HEADED)
    output.put(b"1\n")
    output.reopen()
    output.put(b"2\n")  # nobody renamed it
    path.rename(tmp_path / "out.csv.1")
    output.put(b"3\n")
    output.reopen()
    assert not path.exists()
    output.put(b"4\n")
    output.close()
    assert contents(tmp_path) == {"out.csv": b"head\n4\n", "out.csv.1": b"head\n1\n2\n3\n"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sink_reopens_its_file(kind: type[TextSink], tmp_path: Path) -> None:
    path, old = tmp_path / ENDINGS[kind], tmp_path / f"old-{ENDINGS[kind]}"
    first, second = (regions_of(index, ["all"])[0] for index in range(2))
    with kind(path, columns()) as sink:
        sink.write(first)
        path.rename(old)
        sink.reopen()
        sink.write(second)
    assert (names(old), names(path)) == (["0.png"], ["1.png"])


def test_a_full_file_is_followed_by_the_next_and_none_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "r.0003.csv").write_bytes(b"mine")
    output = open_output(tmp_path / "r.csv", HEADED, rotation=Rotation(size=11))
    for record in (b"1\n", b"22\n", b"3\n", b"a record that is longer than a file\n", b"5\n"):
        output.put(record)
    output.close()
    assert contents(tmp_path) == {
        "r.csv": b"head\n1\n22\n",
        "r.0002.csv": b"head\n3\n",
        "r.0003.csv": b"mine",
        "r.0004.csv": b"head\na record that is longer than a file\n",
        "r.0005.csv": b"head\n5\n",
    }


@pytest.mark.parametrize(
    ("template", "every_s", "expected"),
    [
        ("{date}.x", None, {"2026-12-01.x": b"123", "2026-12-02.x": b"45"}),
        ("r.x", 86400, {"r.x": b"123", "r.0002.x": b"45"}),
        (
            "{date}.x",
            3600,
            {"2026-12-01.x": b"12", "2026-12-01.0002.x": b"3", "2026-12-02.x": b"45"},
        ),
        ("{time}.x", 3600, {"120000.x": b"12", "130000.x": b"3", "000000.x": b"45"}),
    ],
)
def test_a_file_ends_when_its_time_is_over(
    template: str, every_s: float | None, expected: dict[str, bytes], tmp_path: Path
) -> None:
    clock = Clock()
    names = FileNames(tmp_path / template)
    output = RotatedFiles(names, Rotation(None, every_s), PLAIN, None, clock)
    # the fourth second of the hour; an hour later; the next day; and then the clock is set back
    for record, hours in ((b"1", 0), (b"2", 0.9), (b"3", 1), (b"4", 12), (b"5", 11.9)):
        clock.now = NOON + 3600 * hours
        output.put(record)
    output.close()
    assert contents(tmp_path) == expected


def test_a_series_is_opened_anew_where_its_file_was_renamed(tmp_path: Path) -> None:
    output = open_output(tmp_path / "r.x", PLAIN, rotation=Rotation(size=100))
    output.put(b"1")
    output.reopen()
    output.put(b"2")
    (tmp_path / "r.x").rename(tmp_path / "old")
    output.reopen()
    output.put(b"3")
    output.close()
    assert contents(tmp_path) == {"old": b"12", "r.x": b"3"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
def test_a_series_goes_on_after_all_its_files(
    kind: type[TextSink], most: int, tmp_path: Path
) -> None:
    images, folder = mixed_folder(tmp_path / "images"), tmp_path / "out"
    folder.mkdir()
    out, small = folder / f"r-{{date}}{ENDINGS[kind][3:]}", Rotation(size=450)
    run(kind, out, images, rotation=small, most=most)
    newest = FileNames(out).existing()[-1]
    newest.write_bytes(newest.read_bytes()[:-5])  # torn
    answered = run(kind, out, images, rotation=small, resume=True)
    assert answered is not None and answered.records == most - 1
    files = FileNames(out).existing()
    assert names(*files) == ["a/1.JPG", "a/deep/2.png", "b.png", "c.jpg", "d.png"]
    assert len(files) > 1 and all(path.stat().st_size <= 450 for path in files)


def test_a_file_of_another_day_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "r-2026-11-30.x").write_bytes(b"")
    series = FileNames(tmp_path / "r-{date}.x")
    output = RotatedFiles(series, Rotation(), HEADED, Answered(), Clock())
    output.put(b"1\n")
    output.close()
    assert contents(tmp_path)["r-2026-12-01.x"] == b"head\n1\n"


def test_a_series_that_another_process_writes_is_not_continued(tmp_path: Path) -> None:
    first = JsonlSink(tmp_path / "r-{date}.jsonl", columns())
    with pytest.raises(InputError, match="Another process"):
        JsonlSink(tmp_path / "r-{date}.jsonl", columns(), answered=opened())
    second = JsonlSink(tmp_path / "r-{date}.jsonl", columns())
    assert len(list(tmp_path.iterdir())) == 2
    first.close()
    second.close()


def test_only_files_are_continued_or_rotated(tmp_path: Path) -> None:
    for target, asked in (
        *(("-", {"answered": Answered()}), ("-", {"rotation": Rotation(size=1)})),
        *(("/dev/null", {"answered": Answered()}), ("/dev/null", {"rotation": Rotation(size=1)})),
    ):
        with pytest.raises(InputError, match="Only a file"):
            open_output(target, PLAIN, **asked)  # type: ignore[arg-type]


def test_a_next_file_that_cannot_be_opened_is_one_error(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    output = open_output(folder / "r.x", PLAIN, rotation=Rotation(size=1))
    output.put(b"1")
    folder.rename(tmp_path / "away")
    with pytest.raises(InputError, match="cannot be written"):
        output.put(b"2")
    output.close()
    assert contents(tmp_path / "away") == {"r.x": b"1"}


def test_a_full_disk_behind_standard_output_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    full = Full()
    monkeypatch.setattr(sys, "stdout", type("Stdout", (), {"buffer": full}))
    with pytest.raises(InputError, match="cannot be written") as caught:
        open_output("-", HEADED)
    assert caught.value.path == "standard output"
    assert "may be incomplete" in str(caught.value.remedy)
