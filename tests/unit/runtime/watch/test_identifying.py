from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.runtime.watch.identifying import InboxAway, inbox_id, known_id


def test_a_folder_keeps_its_name_wherever_it_is(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert known_id(tmp_path / "a") is None
    first = inbox_id(tmp_path / "a")
    assert first == inbox_id(tmp_path / "a") == known_id(tmp_path / "a")
    assert first != inbox_id(tmp_path / "b")
    (tmp_path / "a").rename(tmp_path / "c")
    assert known_id(tmp_path / "c") == first
    assert known_id(tmp_path / "a") is None


def test_a_name_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    for content in (b"", b"\xff"):
        (tmp_path / ".edgefit-watch.id").write_bytes(content)
        assert known_id(tmp_path) is None
        assert inbox_id(tmp_path) == known_id(tmp_path)


def test_a_folder_that_has_gone_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(InboxAway):
        inbox_id(tmp_path / "gone")
