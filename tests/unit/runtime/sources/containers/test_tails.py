"""Containers that do not count their frames: cut or whole."""

from __future__ import annotations

import io
import struct

from edgefit.runtime.sources.containers import tails
from edgefit.runtime.sources.containers.extent import UNKNOWN, Extent


def stream(data: bytes) -> tuple[io.BytesIO, int]:
    return io.BytesIO(data), len(data)


def test_transport_streams_end_with_a_whole_packet() -> None:
    assert tails.read_ts(*stream(bytes(188 * 3))) == UNKNOWN
    assert tails.read_ts(*stream(bytes(188 * 3 - 8))) == Extent(cut_bytes=8, is_cut=True)
    assert tails.read_m2ts(*stream(bytes(192 * 3))) == UNKNOWN
    assert tails.read_m2ts(*stream(bytes(192 * 3 + 2))) == Extent(cut_bytes=190, is_cut=True)


def test_tags_of_flash_video_are_followed_by_their_length() -> None:
    tag = b"\x09" + (20).to_bytes(3) + bytes(7) + bytes(20)
    whole = b"FLV\x01\x05" + (9).to_bytes(4) + bytes(4) + tag + len(tag).to_bytes(4)
    assert tails.read_flv(*stream(whole)) == UNKNOWN
    assert tails.read_flv(*stream(whole[:-9])) == Extent(cut_bytes=9, is_cut=True)
    assert tails.read_flv(*stream(whole[:-1] + b"\x77" + whole[13:])) == Extent(broken_at=13)


def test_ogg_ends_with_a_page_that_says_so() -> None:
    def page(flags: int) -> bytes:
        return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([2, 30, 10]) + bytes(40)

    assert tails.read_ogg(*stream(page(0) + page(4))) == UNKNOWN
    assert tails.read_ogg(*stream(page(4) + page(0))) == Extent(is_cut=True)
    assert tails.read_ogg(*stream(page(0) + page(4)[:-5])) == Extent(cut_bytes=5, is_cut=True)


def test_windows_media_states_the_size_of_its_file() -> None:
    guid = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
    header = b"0&\xb2u\x8ef\xcf\x11" + guid + bytes(24) + struct.pack("<Q", 100)
    assert tails.read_asf(*stream(header + bytes(100 - len(header)))) == UNKNOWN
    assert tails.read_asf(*stream(header)) == Extent(cut_bytes=100 - len(header), is_cut=True)
    assert tails.read_asf(*stream(bytes(90))) == UNKNOWN
