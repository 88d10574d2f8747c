"""Containers by their first bytes."""

from __future__ import annotations

import pytest

from edgefit.runtime.sources.containers.kind import Kind, kind_of

TS_PACKET = b"\x47" + bytes(187)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x00\x00\x00\x20ftypisom", Kind.MP4),
        (b"\x00\x00\x00\x08wide", Kind.MP4),
        (b"RIFF\x00\x00\x00\x00AVI LIST", Kind.AVI),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", Kind.AUDIO),
        (b"\x1aE\xdf\xa3", Kind.MATROSKA),
        (b"GIF89a", Kind.GIF),
        (b"\xff\xd8\xff\xe0", Kind.MJPEG),
        (b"\x00\x00\x00\x01\x67", Kind.ANNEX_B),
        (b"\x00\x00\x01\xba", Kind.PS),
        (TS_PACKET * 3, Kind.TS),
        ((bytes(4) + TS_PACKET) * 3, Kind.M2TS),
        (TS_PACKET, Kind.OTHER),
        (b"no video", Kind.OTHER),
        (b"", Kind.OTHER),
    ],
)
def test_a_container_is_known_by_its_first_bytes(start: bytes, kind: Kind) -> None:
    assert kind_of(start) is kind
