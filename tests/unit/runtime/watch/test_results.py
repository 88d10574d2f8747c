from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.watch.results import Results, find_marked, lines_since, mend_tail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def opened(path: Path, warned: list[str] | None = None) -> Results:
    return Results(path, (warned if warned is not None else []).append)


def test_lines_are_added_after_what_is_there(path: Path) -> None:
    path.write_bytes(b"old\n")
    results = opened(path)
    assert results.begin().offset == 4
    results.append(b"new\n")
    results.sync()
    results.close()
    assert path.read_bytes() == b"old\nnew\n"


def test_a_foreign_line_without_an_end_gets_one_and_is_told(path: Path) -> None:
    path.write_bytes(b"old\nhal")
    warned: list[str] = []
    results = opened(path, warned)
    assert results.begin().offset == 8
    results.append(b"new\n")
    assert path.read_bytes() == b"old\nhal\nnew\n"
    assert len(warned) == 1 and "incomplete" in warned[0]


def test_a_rotated_file_is_let_go_and_a_new_one_begun(path: Path) -> None:
    results = opened(path)
    results.begin()
    results.append(b"1\n")
    path.rename(path.with_name("results.jsonl.1"))
    results.append(b"2\n")  # within a batch, all lines stay together
    assert results.begin().offset == 0
    results.append(b"3\n")
    assert path.with_name("results.jsonl.1").read_bytes() == b"1\n2\n"
    assert path.read_bytes() == b"3\n"
    os.truncate(path, 0)  # logrotate's copytruncate
    assert results.begin().offset == 0
    results.append(b"4\n")
    assert path.read_bytes() == b"4\n"


def test_a_full_disk_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = opened(path)
    results.begin()
    results.append(b"one\n")
    real = os.write

    def nearly_full(handle: int, data: bytes) -> int:
        if len(data) <= 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[:3])

    monkeypatch.setattr(os, "write", nearly_full)
    with pytest.raises(InputError) as caught:
        results.append(b"two...")
    assert caught.value.found == "No space left on device"
    assert caught.value.exit_code == 2
    assert path.read_bytes() == b"one\n"


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="results cannot be written"):
        opened(tmp_path / "gone" / "results.jsonl").begin()


def test_the_lines_of_a_batch_are_found_after_a_rotation(path: Path) -> None:
    path.write_bytes(b"old\n")
    mark = opened(path).begin()
    assert find_marked(mark, path) == path
    path.rename(path.with_name("results.jsonl-20261201"))
    assert find_marked(mark, path) == path.with_name("results.jsonl-20261201")
    path.write_bytes(b"something else, and longer\n")
    assert find_marked(mark, path) == path.with_name("results.jsonl-20261201")
    path.with_name("results.jsonl-20261201").unlink()
    assert find_marked(mark, path) is None


def test_a_restored_copy_of_the_results_is_known_by_its_content(path: Path) -> None:
    path.write_bytes(b"old\n")
    mark = opened(path).begin()
    path.with_name("copy").write_bytes(b"old\nnew\n")
    path.unlink()
    path.with_name("copy").rename(path)
    assert find_marked(mark, path) == path


def test_results_that_were_emptied_are_not_those_of_the_batch(path: Path) -> None:
    path.write_bytes(b"old\n")
    mark = opened(path).begin()
    os.truncate(path, 0)
    assert find_marked(mark, path) is None


@pytest.mark.parametrize(
    ("tail", "left", "was_mended"),
    [
        (b"", b"", False),
        (b"a\nb\n", b"a\nb\n", False),
        (b"a\nhal", b"a\n", True),
        (b"half", b"", True),
        (b"a\nb\0\0\0\0c\n", b"a\n", True),
        (b"a\n\0\0\0\n\0", b"a\n", True),
        (b"\0\0", b"", True),
    ],
)
def test_what_a_power_cut_left_is_cut_off_and_nothing_before(
    path: Path, tail: bytes, left: bytes, was_mended: bool
) -> None:
    old = b"no newline \0 here"
    path.write_bytes(old + tail)
    assert mend_tail(path, len(old)) is was_mended
    assert path.read_bytes() == old + left
    assert b"".join(lines_since(path, len(old))) == left


def test_a_long_tail_is_mended_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgefit.runtime.watch.results._CHUNK", 5)
    lines = b"".join(b"line %d\n" % number for number in range(20))
    path.write_bytes(lines + b"the end is miss")
    assert mend_tail(path, 0)
    assert path.read_bytes() == lines
