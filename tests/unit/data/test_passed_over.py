"""What is said of files that are not read."""

from __future__ import annotations

import pytest

from edgefit.data.passed_over import (
    find_passed_over,
    in_words,
    remedy_for,
    why_none,
)
from edgefit.records.passed_over import PassedOverFiles
from edgefit.runtime.walking import PassedOver, Reason, counts_of


def others(*paths: str) -> list[PassedOver]:
    return [PassedOver(path, Reason.OTHER) for path in paths]


def test_entries_are_counted_by_reason_and_suffix() -> None:
    entries = [*others("a/1.jxl", "a/2.JXL"), PassedOver("a/._1.jpg", Reason.HIDDEN)]
    parts = counts_of(entries)
    assert parts[0] == PassedOverFiles(
        reason="not an image", suffix=".jxl", files=2, example="a/1.jxl"
    )
    assert in_words(parts) == ("3 files passed over (not an image: 2 .jxl; hidden: 1 .jpg)")
    assert in_words(parts[1:]) == "1 file passed over (hidden: 1 .jpg)"
    assert in_words(()) == "nothing passed over"


def test_a_name_that_is_not_utf8_is_printable_in_the_record() -> None:
    (part,) = counts_of(others("x_\udcfc.txt"))
    assert part.example == "x_\\xfc.txt"


def test_image_formats_that_are_not_read_are_counted_by_suffix() -> None:
    entries = others(*(f"{i}.JXL" for i in range(6)), "a.psd", "b.cr2", "notes.txt")
    (told,) = find_passed_over(entries, 10)
    assert (told.level, told.code) == ("warning", "formats-not-read")
    assert "8 of 18 images" in told.message
    assert "6 .jxl, 1 .cr2, 1 .psd" in told.message
    assert "notes.txt" not in told.paths


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        (PassedOver("a/l.png", Reason.LINK_OUT), "links-out", "data.links: all"),
        (PassedOver("a/l.png", Reason.LINK_BROKEN), "not-reached", "lead nowhere"),
        (PassedOver("a/secret", Reason.LOCKED), "not-reached", "cannot be opened"),
        (PassedOver("a/clip.MP4", Reason.OTHER), "videos", "edgefit predict"),
        (PassedOver("b", Reason.LINK_AGAIN), "links-again", "only once"),
    ],
)
def test_what_a_user_may_expect_to_be_read_is_told(
    entry: PassedOver, code: str, words: str
) -> None:
    (told,) = find_passed_over([entry], 1)
    assert (told.level, told.code, told.paths) == ("warning", code, (entry.path,))
    assert words in told.message


def test_other_files_need_no_word() -> None:
    hidden = PassedOver("a/._1.jpg", Reason.HIDDEN)
    assert list(find_passed_over([*others("a.txt", "b.json"), hidden], 1)) == []


def test_an_empty_set_says_what_it_holds_instead() -> None:
    assert why_none(others("a.jxl", "b.txt")) == "not an image: 1 .jxl"
    assert why_none(others("b.txt")) == "not an image: 1 .txt"
    assert why_none([]) is None
    assert remedy_for(others("a.jxl")) == "convert them to PNG or JPEG"
    assert "--set data.links=all" in str(remedy_for([PassedOver("l.png", Reason.LINK_OUT)]))
    assert remedy_for(others("b.txt")) is None
