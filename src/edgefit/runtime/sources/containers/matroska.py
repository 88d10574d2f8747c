"""Matroska and WebM: a walk from element to element that counts the blocks of the video track.

Format: RFC 9559. Containers are entered, everything else is skipped by its size, so that clusters
of unknown size, which live recorders write, need no special case.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from edgefit.runtime.sources.containers.extent import Extent

_SEGMENT, _INFO, _TRACKS, _TRACK = 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE
_CLUSTER, _GROUP, _BLOCK, _SIMPLE_BLOCK = 0x1F43B675, 0xA0, 0xA1, 0xA3
_TIMESTAMP, _SCALE = 0xE7, 0x2AD7B1
_NUMBER, _TYPE, _CODEC = 0xD7, 0x83, 0x86
_VIDEO = 1
_INVISIBLE = 0x08
_ENTERED = frozenset((_SEGMENT, _INFO, _TRACKS, _CLUSTER, _GROUP))
_TOP = (0x1A45DFA3, 0x114D9B74, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469)
_IN_INFO = (0x73A4, 0x7384, 0x3CB923, 0x3C83AB, 0x3EB923, 0x3E83BB, 0x4444, 0x6924, 0x4461)
_IN_INFO_TEXT = (0x7BA9, 0x4D80, 0x5741, _SCALE, 0x4489)
_IN_CLUSTER = (_TIMESTAMP, 0xA7, 0xAB, _BLOCK, _SIMPLE_BLOCK, 0x5854, 0xAF)
_IN_GROUP = (0x9B, 0xFB, 0xFD, 0xFA, 0xA4, 0x75A1, 0x75A2, 0x8E, 0xA2, 0xC8)
_ANYWHERE = (0xEC, 0xBF)
_KNOWN = frozenset(
    (*_ENTERED, *_TOP, *_IN_INFO, *_IN_INFO_TEXT, *_IN_CLUSTER, *_IN_GROUP, *_ANYWHERE, _TRACK)
)


@dataclass
class MatroskaWalk:
    """What a walk found.

    Attributes:
        track: Number of the first video track; 0 before it is found.
        codec: Its codec, e.g. ``V_VP9``.
        has_tracks: Whether any track is described.
        scale_ns: Nanoseconds of a tick.
        cluster: Ticks of the present cluster.
        frames: Visible blocks of the video track.
        first: Ticks of the first one in the file, which may be shown after frames that follow it
            but that nobody can decode; None before there is one.
        last: Ticks of the latest one.
        cut_bytes: How many bytes an element reaches beyond the file.
        broken_at: Position of bytes that are no element.
    """

    track: int = 0
    codec: str = ""
    has_tracks: bool = False
    scale_ns: int = 1_000_000
    cluster: int = 0
    frames: int = 0
    first: int | None = None
    last: int = 0
    cut_bytes: int = 0
    broken_at: int | None = None


def read(file: BinaryIO, size: int) -> Extent:
    """Read what a Matroska file states; see :class:`Extent`."""
    found = walk_elements(file, size)
    is_cut = found.cut_bytes > 0
    if found.broken_at is not None or is_cut or not found.track:
        return Extent(cut_bytes=found.cut_bytes, is_cut=is_cut, broken_at=found.broken_at)
    lasting = found.last - (found.first or 0)
    frame = lasting / (found.frames - 1) if found.frames > 1 else 0.0
    return Extent(frames=found.frames, end_s=(lasting + frame) * found.scale_ns / 1e9)


def walk_elements(file: BinaryIO, size: int) -> MatroskaWalk:
    """Go through the elements of a file, up to the end of its segment or to the first damage."""
    found, at, end = MatroskaWalk(), 0, size
    while at < end:
        file.seek(at)
        head = file.read(12)
        name, name_length = _vint(head, 0, keep_marker=True)
        length, length_length = _vint(head, name_length, keep_marker=False)
        start = at + name_length + length_length
        if name not in _KNOWN or not name_length or not length_length:
            found.broken_at = at
            return found
        is_open = length == (1 << 7 * length_length) - 1
        if not is_open and start + length > size:
            found.cut_bytes = max(found.cut_bytes, start + length - size)
            if name not in _ENTERED:
                return found
        if name == _SEGMENT and not is_open:
            end = min(size, start + length)
        if name in _ENTERED:
            at = start
            continue
        if is_open:
            found.broken_at = at
            return found
        _note(found, name, file, start, length)
        at = start + length
    return found


def _note(found: MatroskaWalk, name: int, file: BinaryIO, start: int, length: int) -> None:
    if name not in (_TRACK, _TIMESTAMP, _SCALE, _BLOCK, _SIMPLE_BLOCK):
        return
    file.seek(start)
    data = file.read(min(length, 16) if name in (_BLOCK, _SIMPLE_BLOCK) else min(length, 1 << 20))
    if name == _TRACK:
        _note_track(found, data)
    elif name == _TIMESTAMP:
        found.cluster = int.from_bytes(data)
    elif name == _SCALE:
        found.scale_ns = int.from_bytes(data) or found.scale_ns
    else:
        _note_block(found, data)


def _note_track(found: MatroskaWalk, data: bytes) -> None:
    found.has_tracks = True
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        name, name_length = _vint(data, at, keep_marker=True)
        length, length_length = _vint(data, at + name_length, keep_marker=False)
        if not name_length or not length_length:
            break
        start = at + name_length + length_length
        fields[name] = data[start : start + length]
        at = start + length
    if int.from_bytes(fields.get(_TYPE, b"")) == _VIDEO and not found.track:
        found.track = int.from_bytes(fields.get(_NUMBER, b""))
        found.codec = fields.get(_CODEC, b"").decode("ascii", "replace")


def _note_block(found: MatroskaWalk, data: bytes) -> None:
    track, length = _vint(data, 0, keep_marker=False)
    if track != found.track or len(data) < length + 3:
        return
    offset, flags = struct.unpack_from(">hB", data, length)
    if not flags & _INVISIBLE:
        ticks = found.cluster + offset
        found.frames += 1
        found.first = ticks if found.first is None else found.first
        found.last = max(found.last, ticks)


def _vint(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """A number of variable length, and its length in bytes; (0, 0) where there is none."""
    if at >= len(data) or data[at] == 0:
        return 0, 0
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length])
    if at + length > len(data):
        return 0, 0
    return (value if keep_marker else value & (1 << 7 * length) - 1), length
