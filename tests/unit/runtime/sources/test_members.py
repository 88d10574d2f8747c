"""Which members are read, and how much of them."""

from __future__ import annotations

import io

import pytest

from edgefit.errors import FrameError
from edgefit.runtime.sources.members import (
    MAX_BYTES,
    RATIO_FROM,
    read_member,
    reason_to_pass_over,
    require_moderate_size,
    shown_name,
    words,
)
from edgefit.runtime.walking import Reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a.png", None),
        ("A.JPG", None),
        ("./a.png", None),
        ("../a.png", None),
        ("/a.png", None),
        ("..a/.b/c.png", Reason.HIDDEN),
        ("x/@eaDir/a.png", Reason.SYSTEM),
        ("a.mp4", Reason.VIDEO),
        ("a.tar.xz", Reason.NESTED),
        ("a.png.tmp", Reason.UNFINISHED),
        ("a", Reason.OTHER),
    ],
)
def test_why_a_member_is_passed_over(name: str, reason: Reason | None) -> None:
    assert reason_to_pass_over(name) is reason


def test_a_leading_dot_is_not_shown() -> None:
    assert [shown_name(name) for name in ("./a", "././/a", "../a", ".a", "a")] == [
        *("a", "a", "../a", ".a", "a")
    ]


def test_sizes_that_are_refused() -> None:
    require_moderate_size(MAX_BYTES, MAX_BYTES)
    require_moderate_size(RATIO_FROM, 1)
    for size, packed in ((MAX_BYTES + 1, MAX_BYTES), (-1, 1), (RATIO_FROM + 1, 1000)):
        with pytest.raises(FrameError):
            require_moderate_size(size, packed)


@pytest.mark.parametrize("piece", [1, 3, 100])
def test_a_member_is_as_long_as_is_stated(piece: int) -> None:
    assert read_member(io.BytesIO(b"12345"), 5, piece) == b"12345"
    with pytest.raises(FrameError, match="holds 5"):
        read_member(io.BytesIO(b"12345"), 6, piece)
    endless = io.BytesIO(b"1" * 1000)
    with pytest.raises(FrameError, match="holds more"):
        read_member(endless, 5, piece)
    assert endless.tell() == 6


def test_an_error_is_one_line() -> None:
    assert words(ValueError("a\n  b.")) == "a b"
    assert words(MemoryError()) == "MemoryError"
