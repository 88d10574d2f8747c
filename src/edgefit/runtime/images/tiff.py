"""TIFF and BigTIFF files: the size of the first page, and how many pages there are."""

from __future__ import annotations

import struct

from edgefit.runtime.images.exif import INTEGER_FORMATS
from edgefit.runtime.images.header import Header

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_SUBFILE, _WIDTH, _HEIGHT, _DEPTH, _TILE_WIDTH, _TILE_HEIGHT = 254, 256, 257, 258, 322, 323
_READ_TAGS = frozenset([_SUBFILE, _WIDTH, _HEIGHT, _DEPTH, _TILE_WIDTH, _TILE_HEIGHT])
# OpenCV stretches samples that are packed in so many bits to 16 bits.
_PACKED = (10, 12, 14)
_FORMATS = INTEGER_FORMATS | {16: "Q", 17: "q", 18: "Q"}
_NOT_A_PAGE = 0b101  # a smaller copy, or a mask, of another page
_MOST_PAGES = 10_000


def tiff_header(data: bytes) -> Header | None:
    """Walk the directories (TIFF 6.0, section 2; BigTIFF has wider numbers).

    libtiff itself applies the orientation, so this one is always upright. A page that is a smaller
    copy or a mask of another one is not counted.

    Returns:
        The size of the first page (or of its tile, where that is larger), and the number of pages,
        at most 10,000; None where the first directory cannot be read.
    """
    order = "<" if data.startswith(b"II") else ">"
    big = data[:4] in (b"II+\0", b"MM\0+")
    pages: list[dict[int, int]] = []
    seen: set[int] = set()
    start = _number(data, f"{order}Q", 8) if big else _number(data, f"{order}I", 4)
    while start and start not in seen and len(pages) < _MOST_PAGES:
        seen.add(start)
        entries = _number(data, order + ("Q" if big else "H"), start)
        if entries is None or entries > len(data):
            break
        first, each = (start + 8, 20) if big else (start + 2, 12)
        pages.append(_tags(data, order, range(first, first + each * entries, each), big))
        start = _number(data, order + ("Q" if big else "I"), first + each * entries)
    if not pages:
        return None
    size = pages[0]
    whole = sum(not page.get(_SUBFILE, 0) & _NOT_A_PAGE for page in pages)
    return Header(
        max(size.get(_WIDTH, 0), size.get(_TILE_WIDTH, 0)),
        max(size.get(_HEIGHT, 0), size.get(_TILE_HEIGHT, 0)),
        images=max(1, whole),
        bits=16 if size.get(_DEPTH) in _PACKED else None,
    )


def _tags(data: bytes, order: str, entries: range, big: bool) -> dict[int, int]:
    found: dict[int, int] = {}
    for entry in entries:
        tag = _number(data, f"{order}H", entry)
        if tag is None:
            break
        kind = _FORMATS.get(_number(data, f"{order}H", entry + 2) or 0)
        if tag not in _READ_TAGS or kind is None:
            continue
        count = _number(data, order + ("Q" if big else "I"), entry + 4) or 0
        field, room = (entry + 12, 8) if big else (entry + 8, 4)
        if count * struct.calcsize(kind) > room:  # the values lie elsewhere
            field = _number(data, order + ("Q" if big else "I"), field) or len(data)
        value = _number(data, order + kind, field)
        if value is not None:
            found[tag] = value
    return found


def _number(data: bytes, form: str, position: int) -> int | None:
    if position + struct.calcsize(form) > len(data):
        return None
    return int(struct.unpack_from(form, data, position)[0])
