"""The folders that hold images."""

from __future__ import annotations

from edgefit.data.formats.folder_tree import FolderTree


def test_top_folders_loose_images_and_counts() -> None:
    tree = FolderTree(["b/1.png", "a/x/2.png", "a/y/3.png", "4.png"])
    assert list(tree.tops) == ["a", "b"]
    assert (tree.loose, tree.images) == (["4.png"], 4)
    assert list(tree.tops["a"].tops) == ["x", "y"]
    assert tree.tops["b"].loose == ["1.png"]


def test_a_stray_image_does_not_undo_a_division() -> None:
    paths = [f"{folder}/{number}.png" for folder in "ab" for number in range(5)]
    assert FolderTree(paths).is_divided
    assert FolderTree([*paths, "stray.png"]).is_divided
    assert not FolderTree([*paths, *(f"{number}.png" for number in range(5))]).is_divided
    assert not FolderTree(["a/1.png"]).is_divided
    assert not FolderTree([]).is_divided


def test_the_first_division_is_behind_single_folders() -> None:
    path, division = FolderTree(["a/b/x/1.png", "a/b/y/2.png"]).first_division()
    assert (path, list(division.tops)) == ("a/b", ["x", "y"])
    path, division = FolderTree(["x/1.png", "y/2.png"]).first_division()
    assert (path, list(division.tops)) == ("", ["x", "y"])
    path, division = FolderTree(["a/1.png"]).first_division()
    assert (path, division.loose) == ("a", ["1.png"])
