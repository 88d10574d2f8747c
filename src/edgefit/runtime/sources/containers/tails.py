"""Containers that do not count their frames, but show whether the file is cut off."""

from __future__ import annotations

import struct
from typing import BinaryIO

from edgefit.runtime.sources.containers.extent import UNKNOWN, Extent

_FLV_TAG_HEADER = 11
_OGG_END_OF_STREAM = 4
_OGG_LONGEST_PAGE = 27 + 255 + 255 * 255
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def read_ts(file: BinaryIO, size: int) -> Extent:
    """A transport stream consists of packets of 188 bytes (ISO/IEC 13818-1).

    A file that is cut exactly between two packets cannot be told from a whole one.
    """
    return _of_packets(size, 188)


def read_m2ts(file: BinaryIO, size: int) -> Extent:
    """The same with a time stamp of 4 bytes before each packet."""
    return _of_packets(size, 192)


def read_flv(file: BinaryIO, size: int) -> Extent:
    """Each tag is followed by its own length; Adobe Flash Video File Format, annex E."""
    at = int.from_bytes(file.read(9)[5:9]) + 4
    while at < size:
        file.seek(at)
        length = int.from_bytes(file.read(4)[1:4]) + _FLV_TAG_HEADER
        if at + length + 4 > size:
            return Extent(cut_bytes=at + length + 4 - size, is_cut=True)
        file.seek(at + length)
        if int.from_bytes(file.read(4)) != length:
            return Extent(broken_at=at)
        at += length + 4
    return UNKNOWN


def read_ogg(file: BinaryIO, size: int) -> Extent:
    """The last page of each stream says that it is the last (RFC 3533)."""
    file.seek(max(0, size - _OGG_LONGEST_PAGE))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    if not page.startswith(b"OggS") or len(page) < 27:
        return Extent(is_cut=True)
    parts = page[27 : 27 + page[26]]
    lacking = 27 + page[26] + sum(parts) - len(page)
    is_cut = lacking > 0 or not page[5] & _OGG_END_OF_STREAM
    return Extent(cut_bytes=max(0, lacking), is_cut=is_cut)


def read_asf(file: BinaryIO, size: int) -> Extent:
    """The file properties state the size of the file (ASF specification, 3.2)."""
    header = file.read(1 << 16)
    at = header.find(_ASF_FILE_PROPERTIES)
    if at < 0:
        return UNKNOWN
    stated = struct.unpack_from("<Q", header, at + 40)[0]
    return Extent(cut_bytes=max(0, stated - size), is_cut=stated > size)


def _of_packets(size: int, length: int) -> Extent:
    begun = size % length
    return Extent(cut_bytes=length - begun if begun else 0, is_cut=begun > 0)
