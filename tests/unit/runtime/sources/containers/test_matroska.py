"""Matroska: blocks of the video track are counted, whatever else the file holds."""

from __future__ import annotations

import io

from edgefit.runtime.sources.containers import matroska
from edgefit.runtime.sources.containers.extent import Extent

OPEN = b"\x01" + b"\xff" * 7


def element(name: str, content: bytes, size: bytes | None = None) -> bytes:
    length = (len(content) | 1 << 56).to_bytes(8) if size is None else size
    return bytes.fromhex(name) + length + content


def track(number: int, kind: int, codec: bytes) -> bytes:
    fields = element("D7", bytes([number])) + element("83", bytes([kind])) + element("86", codec)
    return element("AE", fields)


def block(number: int, offset: int, flags: int = 0x80) -> bytes:
    return element("A3", bytes([0x80 | number]) + offset.to_bytes(2) + bytes([flags]) + b"frame")


def cluster(ticks: int, *blocks: bytes, size: bytes | None = None) -> bytes:
    return element("1F43B675", element("E7", ticks.to_bytes(4)) + b"".join(blocks), size)


def write(*clusters: bytes, size: bytes | None = None) -> bytes:
    """Sound is track 1, video is track 2."""
    tracks = element("1654AE6B", track(1, 2, b"A_OPUS") + track(2, 1, b"V_VP9"))
    head = element("1A45DFA3", b"")
    return head + element("18538067", tracks + b"".join(clusters), size)


def read(data: bytes) -> Extent:
    return matroska.read(io.BytesIO(data), len(data))


def test_only_visible_frames_of_the_video_count() -> None:
    first = cluster(500, block(2, 0), block(1, 0), block(2, 100), block(2, 101, flags=0x08))
    grouped = element("A0", element("A1", b"\x82\x00\x64\x00frame"))
    data = write(first, cluster(600, block(1, 900), grouped))
    assert read(data) == Extent(frames=3, end_s=0.3)


def test_the_beginning_is_the_first_frame_in_the_file() -> None:
    """A recording that begins amid a group holds frames shown before it, which need another."""
    data = write(cluster(200, block(2, 100), block(2, 0), block(2, 200)))
    assert read(data) == Extent(frames=3, end_s=0.15)


def test_clusters_of_unknown_size_are_read() -> None:
    live = write(
        cluster(0, block(2, 0), size=OPEN), cluster(100, block(2, 0), size=OPEN), size=OPEN
    )
    assert read(live) == Extent(frames=2, end_s=0.2)


def test_a_cut_file_is_known_by_its_stated_size() -> None:
    data = write(cluster(0, block(2, 0), block(2, 100)))
    assert read(data[:-3]) == Extent(cut_bytes=3, is_cut=True)


def test_bytes_that_are_no_element_are_damage() -> None:
    whole = cluster(0, block(2, 0))
    data = write(whole, b"\x13junk", cluster(100, block(2, 0)))
    assert read(data) == Extent(broken_at=data.index(b"\x13junk"))


def test_bytes_behind_the_segment_are_nobodys_business() -> None:
    assert read(write(cluster(0, block(2, 0))) + b"\x13junk").frames == 1


def test_the_codec_of_the_video_is_named() -> None:
    data = write()
    found = matroska.walk_elements(io.BytesIO(data), len(data))
    assert (found.track, found.codec, found.has_tracks) == (2, "V_VP9", True)
