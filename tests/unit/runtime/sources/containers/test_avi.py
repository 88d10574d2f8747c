"""AVI: frames by the index, the end by the header."""

from __future__ import annotations

import io
import struct

from edgefit.runtime.sources.containers import avi
from edgefit.runtime.sources.containers.extent import Extent


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def stream_header(kind: bytes, codec: bytes, *, rate: int, length: int) -> bytes:
    fields = struct.pack("<4s4sIHHIIIIIIiI8x", kind, codec, 0, 0, 0, 0, 1, rate, 0, length, 0, 0, 0)
    return chunk(b"LIST", b"strl" + chunk(b"strh", fields))


def write_avi(sizes: list[int], *, length: int, with_index: bool = True) -> bytes:
    """An AVI with sound as its first stream and one chunk of each size as its second."""
    header = chunk(b"avih", struct.pack("<III I", 0, 0, 0, 0x10) + bytes(40))
    header += stream_header(b"auds", b"\0\0\0\0", rate=8000, length=1)
    header += stream_header(b"vids", b"MJPG", rate=20, length=length)
    content = chunk(b"LIST", b"hdrl" + header)
    content += chunk(b"LIST", b"movi" + b"".join(chunk(b"01dc", bytes(size)) for size in sizes))
    if with_index:
        entries = [struct.pack("<4sIII", b"00wb", 16, 0, 9)]
        entries += [struct.pack("<4sIII", b"01dc", 16, 0, size) for size in sizes]
        content += chunk(b"idx1", b"".join(entries))
    return chunk(b"RIFF", b"AVI " + content)


def read(data: bytes) -> Extent:
    return avi.read(io.BytesIO(data), len(data))


def test_empty_chunks_are_no_frames() -> None:
    assert read(write_avi([90, 0, 80, 7, 70, 0], length=6)) == Extent(frames=3)


def test_a_cut_file_is_known_by_its_stated_size() -> None:
    data = write_avi([9, 9, 9, 9], length=4)
    found = read(data[:-80])
    assert found == Extent(frames=4, cut_bytes=80, is_cut=True)


def test_a_recording_whose_sizes_were_never_written_is_not_called_cut() -> None:
    data = bytearray(write_avi([9, 9], length=0, with_index=False))
    data[4:8] = bytes(4)
    assert read(bytes(data)) == Extent()


def test_chunks_that_do_not_lead_to_the_index_are_damage() -> None:
    data = write_avi([90, 90], length=2)
    at = data.index(b"movi") - 8
    broken = data[:at] + b"junk" * 3 + data[at + 12 :]
    assert read(broken).broken_at is not None


def test_the_video_stream_is_found_behind_the_sound() -> None:
    data = write_avi([9], length=1)
    stream = avi.video_stream(data)
    assert stream == avi.AviStream(number=1, codec="MJPG", scale=1, rate=20, length=1)
    assert avi.video_stream(data.replace(b"vids", b"txts")) is None
