"""Which container a file is, by its first bytes."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A container or a bare stream, named as in messages."""

    MP4 = "MP4 or QuickTime"
    AVI = "AVI"
    MATROSKA = "Matroska or WebM"
    TS = "MPEG transport stream"
    M2TS = "Blu-ray transport stream"
    PS = "MPEG program stream"
    FLV = "Flash video"
    OGG = "Ogg"
    ASF = "Windows Media"
    GIF = "GIF"
    ANNEX_B = "bare MPEG, H.264 or H.265 stream"
    MJPEG = "bare Motion JPEG stream"
    AUDIO = "sound"
    OTHER = "unknown"


_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof")
_STARTS = (
    (b"\x1aE\xdf\xa3", Kind.MATROSKA),
    (b"\x00\x00\x01\xba", Kind.PS),
    (b"FLV\x01", Kind.FLV),
    (b"OggS", Kind.OGG),
    (b"0&\xb2u\x8ef\xcf\x11", Kind.ASF),
    (b"GIF8", Kind.GIF),
    (b"\xff\xd8\xff", Kind.MJPEG),
    (b"\x00\x00\x00\x01", Kind.ANNEX_B),
    (b"\x00\x00\x01", Kind.ANNEX_B),
    (b"ID3", Kind.AUDIO),
    (b"fLaC", Kind.AUDIO),
    (b"FORM", Kind.AUDIO),
    (b"#!AMR", Kind.AUDIO),
)


def kind_of(start: bytes) -> Kind:
    """The kind of a file from its first bytes; 1024 are enough."""
    if start[4:8] in _MP4_BOXES:
        return Kind.MP4
    if start[:4] == b"RIFF":
        return Kind.AVI if start[8:11] == b"AVI" else Kind.AUDIO
    for signature, kind in _STARTS:
        if start.startswith(signature):
            return kind
    for kind, first, size in ((Kind.TS, 0, 188), (Kind.M2TS, 4, 192)):
        places = range(first, len(start), size)
        if len(places) >= 2 and all(start[place] == 0x47 for place in places):
            return kind
    return Kind.OTHER
