from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.names import unescaped
from edgefit.runtime.watch import moving
from edgefit.runtime.watch.inbox import identity_of
from edgefit.runtime.watch.journal import Move
from edgefit.runtime.watch.moving import Mover
from tests.unit.runtime.watch.line import Line, tree


def plan(line: Line, name: str, reason: str | None = None) -> Move:
    identity = identity_of(line.places.inbox / name)
    assert identity is not None
    return Mover(line.places).plan(name, identity, reason)


def move(line: Line, name: str, reason: str | None = None) -> Path:
    planned = plan(line, name, reason)
    assert Mover(line.places).carry_out(planned)
    return Path(unescaped(planned.target))


def test_sub_folders_and_bytes_of_names_are_kept(line: Line) -> None:
    name = os.fsdecode(b"s\xfcb/b_\xfc.png")
    line.put(name, b"x")
    assert move(line, name) == line.places.done / name
    assert (line.places.done / name).read_bytes() == b"x"


def test_a_name_that_is_taken_gets_a_number(line: Line) -> None:
    found = []
    for content in (b"1", b"2", b"3"):
        line.put("a.b.png", content)
        found.append(move(line, "a.b.png").name)
    assert found == ["a.b.png", "a.b.1.png", "a.b.2.png"]
    assert [c for _, c in sorted(tree(line.places.done).items())] == [b"2", b"3", b"1"]


def test_very_many_of_a_name_are_not_looked_at_one_by_one(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.put("a.png", b"x")
    taken = {"a.png", *(f"a.{number}.png" for number in range(1, 5000))}
    looked = []

    def lexists(path: Path) -> bool:
        looked.append(path)
        return Path(path).name in taken

    monkeypatch.setattr(moving.os.path, "lexists", lexists)
    assert Path(plan(line, "a.png").target).name == "a.5000.png"
    assert len(looked) < 50


def test_a_failed_file_has_its_reason_beside_it_and_both_names_are_free(line: Line) -> None:
    line.put("bad.png", b"x")
    (line.places.failed / "bad.png.reason.txt").write_bytes(b"of another one")
    target = move(line, "bad.png", reason="It is damaged.")
    assert target == line.places.failed / "bad.1.png"
    reason = (line.places.failed / "bad.1.png.reason.txt").read_text()
    assert reason == f"{line.places.inbox / 'bad.png'}\nIt is damaged.\n"
    assert (line.places.failed / "bad.png.reason.txt").read_bytes() == b"of another one"


@pytest.mark.parametrize("stem", ["x" * 251, "ü" * 125 + "x"])
def test_the_longest_names_get_numbers_and_reasons_too(line: Line, stem: str) -> None:
    name = f"{stem}.png"
    assert len(os.fsencode(name)) == 255
    for _ in range(2):
        line.put(name, b"x")
        move(line, name, reason="bad")
    names = [path.name for path in line.places.failed.iterdir()]
    assert len(names) == 4
    assert sum(each.endswith(".reason.txt") for each in names) == 2


def test_a_file_in_the_place_of_a_sub_folder_stays(line: Line) -> None:
    (line.places.done / "sub.png").write_bytes(b"a file")
    line.put("sub.png/a.png", b"x")
    assert move(line, "sub.png/a.png") == line.places.done / "sub.1.png" / "a.png"
    assert (line.places.done / "sub.png").read_bytes() == b"a file"


def test_a_file_that_was_written_over_or_taken_away_stays(line: Line) -> None:
    path = line.put("a.png", b"x")
    planned = plan(line, "a.png")
    path.write_bytes(b"xx")
    assert not Mover(line.places).carry_out(planned)
    assert path.read_bytes() == b"xx"
    path.unlink()
    assert not Mover(line.places).carry_out(planned)
    assert tree(line.places.done) == {}


def test_a_twin_with_the_same_size_and_time_stays(line: Line) -> None:
    path = line.put("a.png", b"x")
    os.utime(path, (1, 1))
    planned = plan(line, "a.png")
    other = line.put("b", b"y")
    os.utime(other, (1, 1))
    other.replace(path)
    assert not Mover(line.places).carry_out(planned)
    assert path.read_bytes() == b"y"


def test_a_file_that_comes_between_the_look_and_the_move_is_put_back(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = line.put("a.png", b"old")
    planned = plan(line, "a.png")
    real = moving.rename_to_free

    def late(source: Path, target: Path) -> None:
        if source == path:
            path.unlink()
            path.write_bytes(b"newer")
        real(source, target)

    monkeypatch.setattr(moving, "rename_to_free", late)
    assert not Mover(line.places).carry_out(planned)
    assert tree(line.places.inbox) == {"a.png": b"newer"}
    assert tree(line.places.done) == {}


def test_another_file_system_gets_a_copy_with_its_time(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = line.put("a.png", b"x")
    os.utime(path, (7, 7))
    real = moving.rename_to_free

    def refuse(source: Path, target: Path) -> None:
        if source.is_relative_to(line.places.inbox):
            raise OSError(errno.EXDEV, "other device")
        real(source, target)

    monkeypatch.setattr(moving, "rename_to_free", refuse)
    target = move(line, "a.png")
    assert target.read_bytes() == b"x" and target.stat().st_mtime == 7
    assert tree(line.places.inbox) == {}
    assert list(tree(line.places.done)) == ["a.png"]


def test_a_file_that_is_written_over_while_it_is_copied_away_stays(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = line.put("a.png", b"x")
    planned = plan(line, "a.png")
    real = moving.rename_to_free

    def late(source: Path, target: Path) -> None:
        if source.is_relative_to(line.places.inbox):
            raise OSError(errno.EXDEV, "other device")
        real(source, target)
        path.write_bytes(b"newer")

    monkeypatch.setattr(moving, "rename_to_free", late)
    assert Mover(line.places).carry_out(planned)
    assert tree(line.places.done) == {"a.png": b"x"}
    assert tree(line.places.inbox) == {"a.png": b"newer"}


def test_a_full_disk_is_told_and_the_file_stays(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.put("a.png", b"x")

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(moving, "rename_to_free", full)
    with pytest.raises(InputError) as caught:
        move(line, "a.png")
    assert caught.value.path == str(line.places.inbox / "a.png")
    assert tree(line.places.inbox) == {"a.png": b"x"}


def test_only_a_run_that_was_cut_off_may_find_its_own_copy(line: Line) -> None:
    line.put("a.png", b"x")
    planned = plan(line, "a.png")
    (line.places.done / "a.png").write_bytes(b"x")
    with pytest.raises(FileExistsError):
        Mover(line.places).carry_out(planned)
    resumed = planned.model_copy(update={"inode": None})
    assert Mover(line.places).carry_out(resumed)
    assert tree(line.places.inbox) == {} and list(tree(line.places.done)) == ["a.png"]
    line.put("a.png", b"y")
    again = plan(line, "a.png").model_copy(update={"inode": None, "target": planned.target})
    with pytest.raises(FileExistsError):
        Mover(line.places).carry_out(again)


def test_a_run_that_was_cut_off_may_go_on_with_other_folders(line: Line, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        line.put(name, name.encode())
    plans = [plan(line, "a.png"), plan(line, "b.png")]
    (line.places.done / "b.png").write_bytes(b"b.png")  # copied, the original not yet removed
    line.places = type(line.places)(**(vars(line.places) | {"done": tmp_path / "new"}))
    mover = Mover(line.places)
    for each in plans:
        assert mover.carry_out(mover.resumed(each))
    assert tree(tmp_path / "new") == {"a.png": b"a.png"}
    assert tree(line.places.inbox) == {}
