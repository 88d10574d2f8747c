"""A file is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.atomic import written_whole


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with written_whole(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(error), written_whole(target) as part:
        part.write_text("ha")
        raise error
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_two_writers_do_not_share_a_part(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    with written_whole(target, suffix=".1") as one, written_whole(target, suffix=".2") as two:
        one.write_text("one")
        two.write_text("two")
        assert one != two
    assert target.read_text() == "one"
