"""The markers of a JPEG file, walked as libjpeg walks them (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edgefit.errors import FrameError
from edgefit.runtime.images.exif import UPRIGHT, exif_orientation
from edgefit.runtime.images.header import cut_off

JPEG_SIGNATURE = b"\xff\xd8"
START, END = 0xD8, 0xD9

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset([0xC2, 0xCA])
_START_OF_SCAN, _APP1 = 0xDA, 0xE1
_NO_PAYLOAD = frozenset([0x01, *range(0xD0, 0xD8)])
_MARKER = re.compile(rb"\xff+[^\x00\xff]", re.DOTALL)
# Within a scan: not a stuffed byte, and not a restart marker. A run of 0xff, as above, would take
# ten times as long to find.
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_COEFFICIENTS = 64
# Each scan of a progressive file is a pass over the whole image; encoders write about ten. So many
# pixels take libjpeg three seconds.
_MOST_SCANNED_PIXELS = 10_000_000_000


@dataclass
class JpegLayout:
    """What the markers of a JPEG file state.

    Attributes:
        width: In pixels, as stored.
        height: In pixels, as stored.
        components: Colour components.
        orientation: The EXIF orientation, 1 to 8.
        markers: Code and position of each marker, up to the end marker.
        gaps: Start and end of the bytes between segments that belong to none.
        scans: How many passes over the image the file holds.
        damage: What is wrong with the order of the markers; None where nothing is.
    """

    width: int = 0
    height: int = 0
    components: int = 0
    orientation: int = UPRIGHT
    markers: list[tuple[int, int]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    damage: str | None = None
    scans: int = 0
    _progressive: bool = False
    _missing_bits: dict[int, list[int]] = field(default_factory=dict)

    def incomplete(self) -> bool:
        """Whether a component, or some bits of its coefficients, occur in no scan.

        A progressive file that was cut off between two scans lacks them. T.81 allows an encoder to
        leave coefficients out; none in common use does.
        """
        needed = _COEFFICIENTS if self._progressive else 1
        return any(any(bits[:needed]) for bits in self._missing_bits.values())


def jpeg_layout(data: bytes, path: Path | None) -> JpegLayout:
    """Walk the segments of a file that begins with :data:`JPEG_SIGNATURE`.

    As in libjpeg, bytes before a marker that belong to no segment are passed over.

    Raises:
        FrameError: The file is cut off, or has absurdly many scans for its size.
    """
    layout, position, scanned = JpegLayout(), 2, False
    while (marker := _MARKER.search(data, position)) is not None:
        code, after = data[marker.end() - 1], marker.end()
        layout.markers.append((code, marker.start()))
        if marker.start() > position and not scanned:
            layout.gaps.append((position, marker.start()))
        scanned = False
        if code == END:
            break
        if code == START:
            layout.damage = "a second image begins inside the first"
            break
        if code in _NO_PAYLOAD:
            position = after
            continue
        position = after + int.from_bytes(data[after : after + 2], "big")
        if position > len(data) or position < after + 2:
            break
        _read_segment(layout, code, data[after + 2 : position])
        if code == _START_OF_SCAN:
            position, scanned = _end_of_scan(layout, data, position), True
            if layout.scans * layout.width * layout.height > _MOST_SCANNED_PIXELS:
                raise FrameError(
                    f"The JPEG file has too many scans: {layout.scans} over "
                    f"{layout.width}x{layout.height} pixels.",
                    path=path,
                )
    if not layout.scans or layout.markers[-1][0] not in (START, END):
        raise cut_off("JPEG", data, path)
    return layout


def without_gaps(data: bytes, gaps: list[tuple[int, int]]) -> bytes:
    """The file without some of its bytes; ``data`` itself where there are none to leave out."""
    if not gaps:
        return data
    starts, ends = [0, *(end for _, end in gaps)], [*(start for start, _ in gaps), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


def fill_before(layout: JpegLayout, data: bytes, code: int, length: int) -> Iterator[int]:
    """Where a marker with this code follows ``length`` equal bytes: encoders fill up so."""
    for found, position in layout.markers:
        tail = data[max(0, position - length) : position]
        if found == code and len(tail) == length and len(set(tail)) == 1:
            yield position


def _end_of_scan(layout: JpegLayout, data: bytes, position: int) -> int:
    several = layout._progressive or layout.incomplete()
    # In the only scan libjpeg itself meets any other marker, so the faster search will do.
    end = None if several else data.find(b"\xff\xd9", position)
    if end is not None and end >= 0:
        return end
    found = _END_OF_SCAN.search(data, position)
    return len(data) if found is None else found.start()


def _read_segment(layout: JpegLayout, code: int, body: bytes) -> None:
    if code in _START_OF_FRAME and len(body) >= 6:
        layout.height, layout.width, layout.components = struct.unpack_from(">HHB", body, 1)
        layout._progressive = code in _PROGRESSIVE
        layout._missing_bits = {name: [1] * _COEFFICIENTS for name in body[6::3]}
    elif code == _APP1 and body.startswith(b"Exif\0") and layout.orientation == UPRIGHT:
        layout.orientation = exif_orientation(body)
    elif code == _START_OF_SCAN and body:
        layout.scans += 1
        _note_scan(layout, body)


def _note_scan(layout: JpegLayout, body: bytes) -> None:
    names, parameters = body[1 : 1 + 2 * body[0] : 2], body[1 + 2 * body[0] :]
    if len(parameters) < 3:
        return
    first, last, low_bit = parameters[0], parameters[1], parameters[2] & 15
    for name in names:
        bits = layout._missing_bits.get(name)
        if bits is None:
            continue
        if not layout._progressive:
            bits[0] = 0
        elif first <= last < _COEFFICIENTS:
            bits[first : last + 1] = [low_bit] * (last + 1 - first)
