"""AVIF and HEIC files: which of the two, and what their boxes state about the image.

OpenCV decodes AVIF and leaves the rotation and the number of bits to its caller.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from edgefit.runtime.images.exif import upright
from edgefit.runtime.images.header import Header

_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")
_HEIF_BRANDS = (b"mif1", b"msf1", b"mif2", b"mif3")
_CONTAINERS = (b"iprp", b"ipco", b"moov", b"trak", b"mdia", b"minf", b"stbl")
_DEEPEST = 8


class IsoKind(StrEnum):
    """What an ISO base media file holds, by its brands."""

    AVIF = "AVIF"
    HEIC = "HEIC"


@dataclass
class _Facts:
    primary: int = 0
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    of_item: dict[int, list[int]] = field(default_factory=dict)
    tracks: list[tuple[int, int]] = field(default_factory=list)
    samples: int = 0


def iso_kind(data: bytes) -> IsoKind | None:
    """AVIF or HEIC by the brands (ISO/IEC 14496-12, section 4.3); None for anything else."""
    if data[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(data[:4], "big"), 4096)
    brands = [data[8:12], *(data[i : i + 4] for i in range(16, length - 3, 4))]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return IsoKind.AVIF
    heic = any(brand in _HEIC_BRANDS for brand in brands) or brands[0] in _HEIF_BRANDS
    return IsoKind.HEIC if heic else None


def avif_header(data: bytes) -> Header | None:
    """Size, rotation, bits and number of frames (ISO/IEC 23008-12; AVIF, section 2 to 4).

    Returns:
        None where the boxes state no size.
    """
    facts = _Facts()
    _collect(data, 0, len(data), facts, 0)
    sizes = [_size(body) for kind, body in facts.properties if kind == b"ispe"]
    sizes = [size for size in [*sizes, *facts.tracks] if size != (0, 0)]
    if not sizes:
        return None
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    chosen = [
        facts.properties[index - 1]
        for index in facts.of_item.get(facts.primary, [])
        if 1 <= index <= len(facts.properties)
    ]
    orientation = _orientation([part for part in chosen if part[0] in (b"irot", b"imir")])
    images = max(1, facts.samples)
    return Header(width, height, orientation, images, animated=True, bits=_bits(chosen))


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if length == 1 and start + 16 <= end:
            (length,) = struct.unpack_from(">Q", data, start + 8)
            body = start + 16
        stop = end if length == 0 else start + length
        if stop < body or stop > end:
            return
        yield kind, body, stop
        start = stop


def _collect(data: bytes, start: int, end: int, facts: _Facts, depth: int) -> None:
    if depth > _DEEPEST:
        return
    for kind, body, stop in _boxes(data, start, end):
        content = data[body:stop] if kind != b"mdat" else b""
        if kind == b"meta":
            _collect(data, body + 4, stop, facts, depth + 1)
        elif kind in _CONTAINERS:
            if kind == b"ipco":
                facts.properties += [(k, data[b:s]) for k, b, s in _boxes(data, body, stop)]
            else:
                _collect(data, body, stop, facts, depth + 1)
        elif kind == b"pitm" and len(content) >= 6:
            facts.primary = int.from_bytes(content[4 : 6 if content[0] == 0 else 8], "big")
        elif kind == b"ipma":
            facts.of_item |= _associations(content)
        elif kind == b"tkhd" and len(content) >= 8:
            wide, high = struct.unpack(">II", content[-8:])
            facts.tracks.append((wide >> 16, high >> 16))
        elif kind == b"stsz" and len(content) >= 12:
            facts.samples = max(facts.samples, int.from_bytes(content[8:12], "big"))


def _associations(box: bytes) -> dict[int, list[int]]:
    """The properties of each item, counted from 1, in the order in which they apply."""
    found: dict[int, list[int]] = {}
    if len(box) < 8:
        return found
    id_bytes, index_bytes = (2 if box[0] == 0 else 4), (2 if box[3] & 1 else 1)
    mask, position = (0x7FFF if index_bytes == 2 else 0x7F), 8
    for _ in range(int.from_bytes(box[4:8], "big")):
        if position + id_bytes >= len(box):
            break
        item = int.from_bytes(box[position : position + id_bytes], "big")
        first = position + id_bytes + 1
        position = first + box[first - 1] * index_bytes
        found[item] = [
            int.from_bytes(box[i : i + index_bytes], "big") & mask
            for i in range(first, min(position, len(box)), index_bytes)
        ]
    return found


def _size(ispe: bytes) -> tuple[int, int]:
    return struct.unpack_from(">II", ispe, 4) if len(ispe) >= 12 else (0, 0)


def _orientation(parts: list[tuple[bytes, bytes]]) -> int:
    """The EXIF orientation that equals rotations and mirrors applied one after the other."""
    corners = np.arange(6, dtype=np.uint8).reshape(2, 3)
    turned = corners
    for kind, body in parts:
        value = body[0] if body else 0
        if kind == b"irot":
            turned = np.rot90(turned, value & 3)  # anti-clockwise, as the box counts
        else:
            turned = turned[:, ::-1] if value & 1 else turned[::-1]
    return next(o for o in range(1, 9) if np.array_equal(upright(corners, o), turned))


def _bits(properties: list[tuple[bytes, bytes]]) -> int | None:
    for kind, body in properties:
        if kind == b"av1C" and len(body) >= 3 and body[2] & 0x40:
            return 12 if body[2] & 0x20 else 10
    return None
