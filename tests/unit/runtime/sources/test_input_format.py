"""What standard input holds, by the text of the source and by its first bytes."""

from __future__ import annotations

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources.input_format import (
    FIRST_BYTES,
    Format,
    by_first_bytes,
    moderate_length,
    no_names,
    stated_format,
)
from edgefit.runtime.sources.jpeg_splitter import MAX_JPEG_BYTES
from tests.unit.runtime.sources.packed import JPEG, PNG


def test_a_text_states_every_format_but_auto() -> None:
    for stated in set(Format) - {Format.AUTO}:
        assert stated_format(stated.value, "") is stated
    for word in ("auto", "png", "", "MJPEG"):
        with pytest.raises(InputError, match="format") as caught:
            stated_format(word, f"stdin:{word}")
        assert caught.value.path == f"stdin:{word}"


@pytest.mark.parametrize(
    ("start", "found"),
    [
        (JPEG, Format.MJPEG),
        (len(JPEG).to_bytes(4, "big") + JPEG, Format.JPEG),
        (b"a.jpg\n", Format.NAMES),
        (b"", Format.NAMES),
        ("ü.jpg\r\n".encode(), Format.NAMES),
    ],
)
def test_the_first_bytes_show_the_format(start: bytes, found: Format) -> None:
    assert by_first_bytes(start[:FIRST_BYTES]) is found


@pytest.mark.parametrize("start", [PNG, b"BM\0\0\0", b"a\0b"])
def test_first_bytes_that_show_nothing_are_an_error(start: bytes) -> None:
    with pytest.raises(InputError, match="does not show"):
        by_first_bytes(start[:FIRST_BYTES])


def test_lengths() -> None:
    assert moderate_length(bytearray(MAX_JPEG_BYTES.to_bytes(4, "big"))) == MAX_JPEG_BYTES
    for length in (0, MAX_JPEG_BYTES + 1):
        with pytest.raises(InputError, match="no JPEG has"):
            moderate_length(bytearray(length.to_bytes(4, "big")))


def test_the_other_kind_of_names_is_named() -> None:
    assert "stdin:names0" in str(no_names("zero bytes", Format.NAMES).remedy)
    assert "stdin:names," in str(no_names("a long name", Format.NAMES0).remedy)
