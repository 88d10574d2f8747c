"""Kinds of files that are not read as images, known by their first bytes: an error names them."""

from __future__ import annotations

_SIGNATURES = (
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR image"),
    (0, b"#?RADIANCE", "a Radiance HDR image"),
    (0, b"#?RGBE", "a Radiance HDR image"),
    (0, b"PF\n", "a PFM image of floating-point numbers"),
    (0, b"Pf\n", "a PFM image of floating-point numbers"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\0\0\1\0", "an icon"),
    (0, b"%PDF", "a PDF document"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML document"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"version https://git-lfs", "a pointer of Git LFS"),
    (8, b"AVI ", "an AVI video"),
    (8, b"WAVE", "a sound"),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM video"),
    (4, b"ftypcrx", "a raw image of a Canon camera"),
    *((4, b"ftyp" + brand, "a video") for brand in (b"iso", b"mp4", b"M4V", b"avc", b"3g")),
    (4, b"ftypqt", "a QuickTime video"),
)


def other_kind(data: bytes) -> str | None:
    """What a file is, with an article; None where its first bytes are not known."""
    for position, signature, kind in _SIGNATURES:
        if data.startswith(signature, position):
            return kind
    return None
