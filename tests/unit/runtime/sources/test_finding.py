"""The images of folders and globs, found by the one walker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import open_source
from edgefit.runtime.walking import Reason
from edgefit.spec import Links
from tests.unit.runtime.sources.written import flat, write_image


@pytest.fixture
def image(tmp_path: Path) -> bytes:
    return write_image(tmp_path / "an image.png", flat(9)).read_bytes()


def put(root: Path, content: bytes, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def names(source: str | Path, links: Links = Links.INSIDE) -> list[str]:
    return [shot.name for shot in open_source(source, links=links)]


def test_thumbnails_and_hidden_files_are_passed_over_and_counted(
    tmp_path: Path, image: bytes
) -> None:
    put(tmp_path / "in", image, "a.png", "._a.png", "@eaDir/a.png", ".hidden/b.png", "notes.txt")
    source = open_source(tmp_path / "in")
    assert [shot.name for shot in source] == ["a.png"]
    assert {entry.path: entry.reason for entry in source.passed_over} == {
        "._a.png": Reason.HIDDEN,
        ".hidden/b.png": Reason.HIDDEN,
        "@eaDir/a.png": Reason.SYSTEM,
        "notes.txt": Reason.OTHER,
    }


def test_a_name_that_is_not_utf8_is_answered(tmp_path: Path, image: bytes) -> None:
    folder = tmp_path / "in"
    put(folder, image, "a.png", os.fsdecode(b"b_\xfc.png"), "c.png")
    shots = list(open_source(folder))
    assert [shot.error for shot in shots] == [None, None, None]
    assert shots[1].path is not None
    assert os.fsencode(shots[1].path.name) == b"b_\xfc.png"


def test_links_that_lead_out_are_followed_on_demand(tmp_path: Path, image: bytes) -> None:
    put(tmp_path, image, "elsewhere/x.png", "in/own.png")
    (tmp_path / "in/cam").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/near.png").symlink_to("own.png")
    assert names(tmp_path / "in") == ["near.png", "own.png"]
    assert names(tmp_path / "in", Links.ALL) == ["cam/x.png", "near.png", "own.png"]


def test_only_links_that_lead_out_say_how_to_follow_them(tmp_path: Path, image: bytes) -> None:
    put(tmp_path, image, "elsewhere/x.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/x.png").symlink_to(tmp_path / "elsewhere/x.png")
    with pytest.raises(InputError, match="--links all") as caught:
        open_source(tmp_path / "in")
    assert "a link that leads out of the folder: 1 .png" in str(caught.value.found)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.png", ["a.png"]),
        ("**/*.png", ["a.png", "x/b.png", "x/y/c.png"]),
        ("*/*.png", ["x/b.png"]),
        ("x/**", ["x/b.png", "x/y/c.png"]),
        ("**/y/*", ["x/y/c.png"]),
        ("x/[!a].???", ["x/b.png"]),
    ],
)
def test_what_a_pattern_matches(
    tmp_path: Path, image: bytes, pattern: str, expected: list[str]
) -> None:
    root = put(tmp_path / "in", image, "a.png", "x/b.png", "x/y/c.png", "x/._b.png")
    assert names(f"{root}/{pattern}") == [(root / path).as_posix() for path in expected]


def test_a_relative_pattern_gives_relative_names(
    tmp_path: Path, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "in", image, "a.png", "b.png")
    monkeypatch.chdir(tmp_path)
    assert names("in/*.png") == ["in/a.png", "in/b.png"]
    assert names("*/a.png") == ["in/a.png"]


def test_a_pattern_counts_only_what_it_matches(tmp_path: Path, image: bytes) -> None:
    root = put(tmp_path / "in", image, "a.png", "._a.png", "notes.txt", "b.txt")
    assert [e.path for e in open_source(f"{root}/*.png").passed_over] == ["._a.png"]
    with pytest.raises(InputError) as caught:
        open_source(f"{root}/*.txt")
    assert caught.value.found == "not an image: 2 .txt"


def test_a_folder_linked_to_itself_ends(tmp_path: Path, image: bytes) -> None:
    root = put(tmp_path / "in", image, "a.png")
    (root / "again").symlink_to(".")
    assert names(f"{root}/**/*.png") == [f"{root.as_posix()}/a.png"]
