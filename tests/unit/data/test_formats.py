"""Which format a data set is read as."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgefit.data.formats import FORMATS, read_samples
from edgefit.data.formats.reading import Reading
from edgefit.errors import DataError
from edgefit.recipe import DataConfig


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The formats that were asked, in order."""
    asked: list[str] = []

    def reader(name: str) -> Callable[[Path, DataConfig, bool], Reading]:
        def read(root: Path, config: DataConfig, needs_labels: bool = True) -> Reading:
            asked.append(name)
            return None  # type: ignore[return-value]

        return read

    for name in FORMATS:
        monkeypatch.setitem(FORMATS, name, reader(name))
    return asked


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        ("", {}, "folder"),
        ("set.csv", {}, "csv"),
        ("SET.CSV", {}, "csv"),
        ("set.tsv", {}, "csv"),
        ("set.txt", {}, "folder"),
        ("", {"csv": "list.csv"}, "csv"),
        ("set.csv", {"format": "folder"}, "folder"),
        ("", {"format": "csv"}, "csv"),
    ],
)
def test_auto_goes_by_the_path_and_the_recipe(
    chosen: list[str], tmp_path: Path, name: str, config: dict[str, str], expected: str
) -> None:
    root = tmp_path / name
    if name:
        root.touch()
    read_samples(root, DataConfig.model_validate(config))
    assert chosen == [expected]


def test_what_does_not_exist_is_named_before_any_format_is_asked(
    chosen: list[str], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="does not exist") as caught:
        read_samples(tmp_path / "absent", DataConfig())
    assert caught.value.path == str(tmp_path / "absent")
    assert chosen == []
