"""What results may not be written to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sinks import require_safe_target
from tests.unit.runtime.sources.written import flat, write_image


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_image(tmp_path / "images" / "deep" / "y.png", flat(9))
    (tmp_path / "bundle").mkdir()
    (tmp_path / "clip").write_bytes(b"\0\0\0\x18ftyp")
    (tmp_path / "link").symlink_to("images")
    (tmp_path / "linked.jsonl").symlink_to("images/out.jsonl")
    os.link(tmp_path / "clip", tmp_path / "same.txt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("out", "sources"),
    [
        ("images/out.jsonl", ["images"]),
        ("images/deep/out.jsonl", ["x.png", "images/"]),
        ("link/out.jsonl", ["images"]),
        ("images/out.jsonl", ["link"]),
        ("linked.jsonl", ["images"]),
        ("images/r-{date}.jsonl", ["images"]),
        ("out.jsonl", ["."]),
        ("clip", ["clip"]),
        ("same.txt", ["clip"]),
        ("bundle/out.jsonl", ["images"]),
        ("bundle", ["images"]),
        ("images", ["camera:0"]),
        *((f"new{suffix}", ["images"]) for suffix in (".jpg", ".PNG", ".mp4", ".zip", ".tar.gz")),
    ],
)
def test_what_is_read_is_not_written_to(place: Path, out: str, sources: list[str]) -> None:
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(InputError) as caught:
        require_safe_target(out, sources, Path("bundle"))
    assert caught.value.path == out
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "out", ["-", "out.jsonl", "r-{date}.csv", "images.jsonl", "absent/x.csv", "/dev/null"]
)
def test_other_places_are_fine(place: Path, out: str) -> None:
    sources = ["images", "images/*.png", "rtsp://images/out", "-", "stdin:mjpeg", ""]
    require_safe_target(out, sources, Path("bundle"))


@pytest.mark.parametrize(
    "content", [b"", b'{"ind', b'{"index": 0}\n', b"index,name,time_s,label\n"]
)
def test_earlier_predictions_may_be_replaced(place: Path, content: bytes) -> None:
    Path("old").write_bytes(content)
    require_safe_target("old", ["images"], Path("bundle"))


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff", b"model: x\n", b'{"images": []}', b"index\n1\n"]
)
def test_another_file_is_not_replaced(place: Path, content: bytes) -> None:
    Path("mine").write_bytes(content)
    with pytest.raises(InputError, match="something else"):
        require_safe_target("mine", ["images"], Path("bundle"))
    assert Path("mine").read_bytes() == content
