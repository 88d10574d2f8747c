"""Which stage started and ended in a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.errors import RunError
from edgefit.records.stamp import STAMPS, Stamp, read_stamp, remove_stamp, write_stamp


def test_a_stamp_is_read_back_and_taken_back(tmp_path: Path) -> None:
    assert read_stamp(tmp_path, "train", "done") is None
    write_stamp(tmp_path, "train", "done", Stamp(inputs="a", outputs="b"))
    write_stamp(tmp_path, "train", "started", Stamp(inputs="a"))
    assert read_stamp(tmp_path, "train", "done") == Stamp(inputs="a", outputs="b")
    remove_stamp(tmp_path, "train", "done")
    remove_stamp(tmp_path, "train", "done")
    assert read_stamp(tmp_path, "train", "done") is None
    assert read_stamp(tmp_path, "train", "started") == Stamp(inputs="a")
    assert "outputs" not in (tmp_path / STAMPS / "train.started.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "[]", '{"outputs": "b"}', '{"inputs": "a", "more": 1}'])
def test_a_damaged_stamp_is_named(tmp_path: Path, text: str) -> None:
    write_stamp(tmp_path, "train", "done", Stamp(inputs="a"))
    (path,) = (tmp_path / STAMPS).iterdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match="stamp of the stage `train` is damaged") as caught:
        read_stamp(tmp_path, "train", "done")
    assert caught.value.path == str(path)
