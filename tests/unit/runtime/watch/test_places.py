from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.watch.places import choose_places


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("inbox", "bundle"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_the_other_places_lie_beside_the_inbox(root: Path) -> None:
    places = choose_places(root / "bundle", root / "inbox", None, None, None)
    assert places.done == root / "done" and places.done.is_dir()
    assert places.failed == root / "failed" and places.failed.is_dir()
    assert places.results == root / "results.jsonl"


@pytest.mark.parametrize(
    ("done", "failed", "out", "fragment"),
    [
        ("inbox", None, None, "same folder"),
        ("inbox/done", None, None, "--done lies inside the inbox"),
        (None, "inbox/x/y", None, "--failed lies inside the inbox"),
        (".", None, None, "the inbox lies inside --done"),
        ("d", "d", None, "same folder"),
        ("d", "d/failed", None, "--failed lies inside --done"),
        ("link", None, None, "same folder"),
        ("bundle/done", None, None, "--done lies inside the bundle"),
        (None, None, "inbox/results.jsonl", "--out lies inside the inbox"),
        (None, None, "bundle/results.jsonl", "--out lies inside the bundle"),
        (None, None, "results.csv", "not CSV"),
        (None, None, "results.CSV", "not CSV"),
        (None, None, "a.png", "extension of an image"),
        (None, None, "a.mp4", "extension of an image"),
        (None, None, "bundle", "folder"),
    ],
)
def test_places_that_would_eat_each_other_are_refused(
    root: Path, done: str | None, failed: str | None, out: str | None, fragment: str
) -> None:
    (root / "link").symlink_to("inbox")
    given = [None if name is None else root / name for name in (done, failed, out)]
    with pytest.raises(InputError, match=fragment):
        choose_places(root / "bundle", root / "inbox", *given)
    assert list((root / "inbox").iterdir()) == []


@pytest.mark.parametrize(("bundle", "inbox"), [("inbox/bundle", "inbox"), ("bundle", "bundle/in")])
def test_a_bundle_in_the_inbox_would_be_moved_away(root: Path, bundle: str, inbox: str) -> None:
    for name in (bundle, inbox):
        (root / name).mkdir(exist_ok=True)
    with pytest.raises(InputError, match="lies inside"):
        choose_places(root / bundle, root / inbox, root / "d", root / "f", root / "r.jsonl")


def test_an_inbox_that_is_not_there_or_a_file_is_refused(root: Path) -> None:
    (root / "file").touch()
    for name in ("absent", "file"):
        with pytest.raises(InputError, match="inbox is not a folder"):
            choose_places(root / "bundle", root / name, None, None, None)


def test_the_folder_of_the_results_is_made(root: Path) -> None:
    places = choose_places(root / "bundle", root / "inbox", None, None, root / "new/r.jsonl")
    assert places.results == root / "new/r.jsonl" and (root / "new").is_dir()


def test_a_file_in_the_place_of_a_folder_is_named(root: Path) -> None:
    (root / "done").touch()
    with pytest.raises(InputError) as caught:
        choose_places(root / "bundle", root / "inbox", None, None, None)
    assert caught.value.path == str(root / "done")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(root: Path) -> None:
    (root / "done").mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written to"):
        choose_places(root / "bundle", root / "inbox", None, None, None)
