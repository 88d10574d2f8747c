"""MP4 and QuickTime: the video track's sample table and edit list.

Format: ISO/IEC 14496-12. An edit list says which part of a track a player shows; trimming without
encoding leaves the other frames in the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from edgefit.runtime.sources.containers.extent import Extent

_MAX_INDEX = 1 << 28
_EMPTY_EDIT = -1
_OUTER = frozenset(
    b"ftyp styp moov moof mdat free skip wide udta uuid meta mfra sidx ssix pnot emsg prft".split()
)


@dataclass(frozen=True)
class Track:
    """A track of the index.

    Attributes:
        handler: ``vide`` for images, ``soun`` for sound.
        codec: The four characters of its codec.
        body: The content of its box.
    """

    handler: str
    codec: str
    body: bytes


def read(file: BinaryIO, size: int) -> Extent:
    """Read what an MP4 file states; see :class:`Extent`."""
    index, cut = read_index(file, size)
    is_fragmented = find(index or b"", b"mvex") is not None
    # Behind an index of the whole file, anything may follow; behind a fragment, only a fragment.
    broken_at = file.tell() - 8 if is_fragmented and not cut and file.tell() < size else None
    found = Extent(cut_bytes=cut, is_cut=cut > 0, broken_at=broken_at)
    track = next((track for track in tracks(index or b"") if track.handler == "vide"), None)
    if index is None or track is None or is_fragmented:
        return found
    return _of_track(index, track, cut)


def read_index(file: BinaryIO, size: int) -> tuple[bytes | None, int]:
    """The content of the ``moov`` box, None where it is missing, and the bytes cut off.

    The file is left at its end, or behind the header of what is no box.
    """
    index, at = None, 0
    while at + 8 <= size:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if length == 1 and at + 16 <= size:
            length, header = struct.unpack(">Q", file.read(8))[0], 16
        elif length == 0:
            length = size - at
        if name not in _OUTER or length < header:
            file.seek(at + 8)
            return index, 0
        if at + length > size:
            return index, at + length - size
        if name == b"moov" and length <= _MAX_INDEX:
            index = file.read(length - header)
        at += length
    file.seek(0, 2)
    return index, 0


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each box."""
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if length < 8:
            return
        yield name, data[at + 8 : at + length]
        at += length


def find(data: bytes, *names: bytes) -> bytes | None:
    """The content of the first box at a path of names."""
    for name in names:
        inner = next((content for held, content in boxes(data) if held == name), None)
        if inner is None:
            return None
        data = inner
    return data


def tracks(index: bytes) -> Iterator[Track]:
    """The tracks of a ``moov`` box."""
    for name, body in boxes(index):
        if name == b"trak":
            handler = find(body, b"mdia", b"hdlr") or b""
            described = find(body, b"mdia", b"minf", b"stbl", b"stsd") or b""
            yield Track(_text(handler[8:12]), _text(described[12:16]), body)


def _of_track(index: bytes, track: Track, cut: int) -> Extent:
    scale, duration = _timing(find(track.body, b"mdia", b"mdhd") or b"")
    end_s = duration / scale
    table = find(track.body, b"mdia", b"minf", b"stbl") or b""
    frames = _filled_samples(find(table, b"stsz") or b"")
    edits = _edits(find(track.body, b"edts", b"elst") or b"")
    is_trimmed = False
    shown = [edit for edit in edits if edit[1] != _EMPTY_EDIT]
    if shown:
        movie_scale, _ = _timing(find(index, b"mvhd") or b"")
        shown_s = sum(length for length, _ in shown) / movie_scale
        frame_s = end_s / frames if frames else 0.0
        late = shown[0][1] > _first_delay(find(table, b"ctts"))
        early = shown_s + 1.5 * frame_s < end_s - shown[0][1] / scale
        is_trimmed = len(shown) > 1 or late or early
        # An edit of length 0 shows everything (fragmented files).
        end_s = min(end_s, shown_s) if shown_s else end_s
    return Extent(
        frames=None if is_trimmed else frames,
        is_trimmed=is_trimmed,
        end_s=end_s,
        cut_bytes=cut,
        is_cut=cut > 0,
    )


def _timing(header: bytes) -> tuple[int, int]:
    """Ticks per second, and the duration in ticks."""
    if header[0] == 1:
        scale, duration = struct.unpack_from(">IQ", header, 20)
    else:
        scale, duration = struct.unpack_from(">II", header, 12)
    return scale, duration


def _filled_samples(sizes: bytes) -> int:
    one_size, count = struct.unpack_from(">II", sizes, 4)
    if one_size:
        return int(count)
    count = min(count, (len(sizes) - 12) // 4)
    return sum(size > 0 for size in struct.unpack_from(f">{count}I", sizes, 12))


def _edits(edit_list: bytes) -> list[tuple[int, int]]:
    """Length in ticks of the movie, and the first tick of the track, of each edit."""
    if not edit_list:
        return []
    entry = struct.Struct(">Qq4x" if edit_list[0] == 1 else ">Ii4x")
    count = min(struct.unpack_from(">I", edit_list, 4)[0], (len(edit_list) - 8) // entry.size)
    return [entry.unpack_from(edit_list, 8 + i * entry.size) for i in range(count)]


def _first_delay(offsets: bytes | None) -> int:
    """From decoding to presentation of the first frame, in ticks of the track."""
    if offsets is None or len(offsets) < 16:
        return 0
    return int(struct.unpack_from(">i", offsets, 12)[0])


def _text(name: bytes) -> str:
    return name.decode("ascii", "replace")
