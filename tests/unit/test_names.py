from __future__ import annotations

import os

import pytest

from edgefit.names import composed, displayed, escaped, is_utf8, printable, unescaped

LATIN_1 = os.fsdecode(b"b_\xfcber.jpg")


def test_a_name_in_utf8_stays_as_it_is() -> None:
    for name in ("a.jpg", "über.jpg", "部品.png", "a\\b"):
        assert printable(name) == name
        assert is_utf8(name)


def test_bytes_that_are_not_utf8_are_written_as_hexadecimal() -> None:
    assert printable(LATIN_1) == "b_\\xfcber.jpg"
    assert not is_utf8(LATIN_1)
    assert printable(LATIN_1).encode("utf-8")


def test_a_surrogate_that_no_file_system_gave_is_printable_too() -> None:
    assert printable("x\ud800y").encode("utf-8") == b"x\\xed\\xa0\\x80y"


def test_both_forms_of_an_accent_become_one_name() -> None:
    assert composed("u\u0308ber") == composed("\u00fcber") == "\u00fcber"


@pytest.mark.parametrize("name", ["a.jpg", LATIN_1, "a\\xfc.jpg", "\\\\", "ü\udcff\\x41"])
def test_escaping_can_be_undone(name: str) -> None:
    assert escaped(name).encode("utf-8")
    assert unescaped(escaped(name)) == name


@pytest.mark.parametrize("text", ["a\\", "a\\q", "a\\xzz"])
def test_a_text_that_escaping_does_not_give_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        unescaped(text)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Türen 7.jpg", "Türen 7.jpg"),
        ("a\x1b[31m", "a\\x1b[31m"),
        ("a\nb\x00", "a\\nb\\x00"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        (LATIN_1, printable(LATIN_1)),
    ],
)
def test_a_displayed_name_controls_no_terminal(name: str, shown: str) -> None:
    assert displayed(name) == shown
