from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgefit.names import printable
from edgefit.runtime.walking import PassedOver, Reason, Walk, counts_of, described, walk
from edgefit.spec import Links


def put(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")
    return root


def reasons(found: Walk) -> dict[str, Reason]:
    return {entry.path: entry.reason for entry in found.passed_over}


def entries_on_disk(root: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(root)) + sum(
        (Path(top) / name).is_symlink() for top, folders, _ in os.walk(root) for name in folders
    )


def test_images_are_found_at_any_depth_sorted_by_path(tmp_path: Path) -> None:
    put(tmp_path, "b/1.png", "a/x/2.JPEG", "a.jpg", "a/1.png")
    found = walk(tmp_path)
    assert found.files == ("a.jpg", "a/1.png", "a/x/2.JPEG", "b/1.png")
    assert found.folders == ("a", "a/x", "b")
    assert found.passed_over == ()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("@eaDir/a.jpg", Reason.SYSTEM),
        ("good/@EADIR/a.jpg/SYNOPHOTO_THUMB_M.jpg", Reason.SYSTEM),
        ("#recycle/a.jpg", Reason.SYSTEM),
        ("__MACOSX/good/a.jpg", Reason.SYSTEM),
        ("lost+found/a.jpg", Reason.SYSTEM),
        ("$RECYCLE.BIN/S-1-5/a.jpg", Reason.SYSTEM),
        ("System Volume Information/a.jpg", Reason.SYSTEM),
        ("good/Thumbs.db", Reason.SYSTEM),
        ("good/._a.jpg", Reason.HIDDEN),
        (".AppleDouble/a.jpg", Reason.HIDDEN),
        ("good/.ipynb_checkpoints/a-checkpoint.jpg", Reason.HIDDEN),
        (".Trash-1000/files/a.jpg", Reason.HIDDEN),
        ("good/a.jpg.part", Reason.UNFINISHED),
        ("good/notes.txt", Reason.OTHER),
        ("good/README", Reason.OTHER),
        ("clip.mp4", Reason.OTHER),
    ],
)
def test_what_is_no_image_of_the_user_is_passed_over(
    tmp_path: Path, path: str, reason: Reason
) -> None:
    put(tmp_path, "good/real.jpg", path)
    found = walk(tmp_path)
    assert found.files == ("good/real.jpg",)
    assert reasons(found) == {path: reason}


@pytest.mark.parametrize("name", ["recycled", "Recycled", "recycler"])
def test_a_class_of_recycled_parts_is_read(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"{name}/a.jpg", "RECYCLED/b.jpg", "RECYCLER/c.jpg")
    found = walk(tmp_path)
    assert found.files == (f"{name}/a.jpg",)
    assert reasons(found) == {"RECYCLED/b.jpg": Reason.SYSTEM, "RECYCLER/c.jpg": Reason.SYSTEM}


def test_a_hidden_root_is_read(tmp_path: Path) -> None:
    put(tmp_path / ".data", "a.jpg")
    assert walk(tmp_path / ".data").files == ("a.jpg",)


def test_a_name_that_is_not_utf8_opens_again(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"sch\xe4den") / os.fsdecode(b"\xfc.jpg")
    path.parent.mkdir()
    path.write_bytes(b"x")
    (name,) = walk(tmp_path).files
    assert printable(name) == "sch\\xe4den/\\xfc.jpg"
    assert (tmp_path / name).read_bytes() == b"x"


def test_a_link_inside_is_followed_and_one_that_leads_out_is_not(tmp_path: Path) -> None:
    put(tmp_path, "out/far.jpg", "set/.store/near.jpg")
    (tmp_path / "set/near.jpg").symlink_to(".store/near.jpg")
    (tmp_path / "set/far.jpg").symlink_to("../out/far.jpg")
    (tmp_path / "set/cam").symlink_to("../out")
    found = walk(tmp_path / "set")
    assert found.files == ("near.jpg",)
    assert reasons(found) == {
        ".store/near.jpg": Reason.HIDDEN,
        "cam": Reason.LINK_OUT,
        "far.jpg": Reason.LINK_OUT,
    }
    assert walk(tmp_path / "set", links=Links.ALL).files == ("cam/far.jpg", "far.jpg", "near.jpg")
    assert walk(tmp_path / "set", links=Links.NONE).files == ()


def test_a_linked_folder_is_read_once(tmp_path: Path) -> None:
    put(tmp_path, ".store/a.jpg", "real/b.jpg")
    (tmp_path / "again").symlink_to("real")
    (tmp_path / "first").symlink_to(".store")
    (tmp_path / "second").symlink_to(".store")
    found = walk(tmp_path)
    assert found.files == ("first/a.jpg", "real/b.jpg")
    assert reasons(found)["again"] is Reason.LINK_AGAIN
    assert reasons(found)["second"] is Reason.LINK_AGAIN


@pytest.mark.parametrize("links", [Links.INSIDE, Links.ALL])
def test_links_in_a_circle_end(tmp_path: Path, links: Links) -> None:
    put(tmp_path, "set/a/x.jpg")
    (tmp_path / "set/a/up").symlink_to("..")
    (tmp_path / "set/itself").symlink_to("itself")
    (tmp_path / "set/a/outer").symlink_to(tmp_path)
    found = walk(tmp_path / "set", links=links)
    assert found.files == ("a/x.jpg",)
    assert reasons(found)["itself"] is Reason.LINK_BROKEN
    assert reasons(found)["a/up"] is Reason.LINK_AGAIN


def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.jpg"))
        found = walk(tmp_path)
    assert set(reasons(found).values()) == {Reason.NOT_A_FILE}
    assert found.files == ()


def test_folders_nested_deeper_than_python_recurses(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    try:
        assert walk(tmp_path).files == ()
    finally:  # shutil.rmtree, which pytest uses, recurses
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


def test_every_entry_is_read_or_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "a/2.txt", "@eaDir/x/y.jpg", ".h/z.png", "a/b/c/3.png", "Thumbs.db")
    (tmp_path / "l.jpg").symlink_to("a/1.jpg")
    (tmp_path / "folder").symlink_to("a")
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    found = walk(tmp_path)
    assert len(found.files) + len(found.passed_over) == entries_on_disk(tmp_path)


def test_a_depth_limits_the_folders_that_are_entered(tmp_path: Path) -> None:
    put(tmp_path, "1.jpg", "a/2.jpg", "a/b/3.jpg")
    assert walk(tmp_path, max_depth=1).files == ("1.jpg", "a/2.jpg")


def test_counts_are_by_reason_and_suffix_the_most_frequent_first() -> None:
    entries = [
        PassedOver("z.HEIC", Reason.OTHER),
        PassedOver("a.heic", Reason.OTHER),
        PassedOver(".x", Reason.HIDDEN),
    ]
    found = [(c.reason, c.suffix, c.files, c.example) for c in counts_of(entries)]
    assert found == [
        (Reason.OTHER, ".heic", 2, "z.HEIC"),
        (Reason.HIDDEN, "", 1, ".x"),
    ]


def test_a_root_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        walk(tmp_path / "absent")


def test_a_file_that_vanishes_while_the_folder_is_read_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    real = os.scandir

    class Listing(list):  # type: ignore[type-arg]
        def __enter__(self) -> Listing:
            return self

        def __exit__(self, *_: object) -> None:
            (tmp_path / "a.png").unlink(missing_ok=True)

    monkeypatch.setattr(os, "scandir", lambda path: Listing(real(path)))
    found = walk(tmp_path)
    assert (found.files, found.passed_over) == (("b.png",), ())


def test_files_in_a_folder_that_only_lists_their_names_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    real = os.scandir

    class Locked:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.is_dir, self.is_symlink = entry.name, entry.is_dir, entry.is_symlink

        def stat(self, *, follow_symlinks: bool) -> os.stat_result:
            raise PermissionError

    @contextmanager
    def scan(path: Path) -> Iterator[Iterable[object]]:
        with real(path) as entries:
            yield map(Locked, entries) if Path(path).name == "a" else entries

    monkeypatch.setattr(os, "scandir", scan)
    found = walk(tmp_path)
    assert found.files == ("b/2.jpg",)
    assert reasons(found) == {"a/1.jpg": Reason.LOCKED}


def test_counts_in_words() -> None:
    entries = [PassedOver(f"{n}.jpg", Reason.SYSTEM) for n in range(3)]
    entries += [PassedOver("a.txt", Reason.OTHER), PassedOver("README", Reason.OTHER)]
    assert described(counts_of(entries)) == (
        "system file: 3 .jpg; not an image: 1 without extension, 1 .txt"
    )
    assert described(()) == ""
