"""MP4: the sample table, and what the edit list shows of it."""

from __future__ import annotations

import io
import struct

import pytest

from edgefit.runtime.sources.containers import mp4
from edgefit.runtime.sources.containers.extent import Extent


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def timing(name: bytes, scale: int, duration: int) -> bytes:
    return box(name, struct.pack(">IIIIII", 0, 0, 0, scale, duration, 0))


def table(sizes: list[int], delay: int) -> bytes:
    entry = box(b"avc1", bytes(78))
    sizes_box = struct.pack(">III", 0, 0, len(sizes)) + struct.pack(f">{len(sizes)}I", *sizes)
    return box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), entry),
        box(b"stsz", sizes_box),
        box(b"ctts", struct.pack(">IIIi", 0, 1, len(sizes), delay)),
    )


def write(
    sizes: list[int],
    edits: list[tuple[int, int]] | None = None,
    *,
    delay: int = 0,
    handler: bytes = b"vide",
) -> bytes:
    """Ten frames per second in a track of 1000 ticks, in a movie of 600 ticks, per second."""
    media = box(
        b"mdia",
        timing(b"mdhd", 1000, 100 * len(sizes)),
        box(b"hdlr", bytes(8), handler, bytes(12)),
        box(b"minf", table(sizes, delay)),
    )
    entries = b"".join(struct.pack(">IiI", length, first, 1 << 16) for length, first in edits or [])
    edit_list = struct.pack(">II", 0, len(edits or [])) + entries
    listed = box(b"edts", box(b"elst", edit_list)) if edits is not None else b""
    index = box(b"moov", timing(b"mvhd", 600, 60 * len(sizes)), box(b"trak", listed, media))
    return box(b"ftyp", b"isom") + index + box(b"mdat", bytes(sum(sizes)))


def read(data: bytes) -> Extent:
    return mp4.read(io.BytesIO(data), len(data))


def test_empty_samples_are_no_frames() -> None:
    assert read(write([5, 0, 6, 0])) == Extent(frames=2, end_s=0.4)


@pytest.mark.parametrize(
    ("edits", "delay", "frames"),
    [
        ([(600, 0)], 0, 10),
        ([(600, 200)], 200, 10),  # the delay of reordered frames trims nothing
        ([(60, -1), (600, 0)], 0, 10),  # an empty edit shifts the whole track
        ([(300, 0)], 0, None),
        ([(480, 200)], 0, None),
        ([(300, 0), (300, 500)], 0, None),
    ],
)
def test_an_edit_list_that_hides_frames_leaves_their_number_open(
    edits: list[tuple[int, int]], delay: int, frames: int | None
) -> None:
    found = read(write([5] * 10, edits, delay=delay))
    assert (found.frames, found.is_trimmed) == (frames, frames is None)


def test_the_end_is_that_of_the_part_shown() -> None:
    assert read(write([5] * 10, [(300, 0)])).end_s == 0.5


def test_a_cut_file_is_known_by_a_box_that_reaches_beyond_it() -> None:
    data = write([5] * 10)
    assert read(data[:-20]) == Extent(frames=10, end_s=1.0, cut_bytes=20, is_cut=True)


def test_bytes_behind_the_last_box_are_nobodys_business() -> None:
    assert read(write([5] * 10) + b"junk that is no box") == Extent(frames=10, end_s=1.0)


def test_bytes_between_fragments_are_damage() -> None:
    index = box(b"moov", timing(b"mvhd", 600, 0), box(b"mvex"))
    data = box(b"ftyp") + index + box(b"moof") + box(b"mdat", bytes(9))
    assert read(data) == Extent()
    assert read(data + b"junk" * 5 + box(b"moof")) == Extent(broken_at=len(data))


def test_tracks_are_named_with_their_codec() -> None:
    data = write([5], handler=b"soun")
    index, lacking = mp4.read_index(io.BytesIO(data), len(data))
    assert index is not None and lacking == 0
    assert [(track.handler, track.codec) for track in mp4.tracks(index)] == [("soun", "avc1")]
    assert read(data) == Extent()


def test_a_file_without_its_index_has_none() -> None:
    data = box(b"ftyp", b"isom") + box(b"mdat", bytes(50))
    assert mp4.read_index(io.BytesIO(data), len(data)) == (None, 0)
