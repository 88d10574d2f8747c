"""Sizes, durations and words that the options of ``predict`` take."""

from __future__ import annotations

import pytest

from edgefit.cli.source_options import choice_of, seconds_of, size_of
from edgefit.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400), ("2d", 172_800), ("250ms", 0.25)],
)
def test_a_duration(text: str, seconds: float) -> None:
    assert seconds_of(text, "--give-up") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "ten minutes", "-5s", "5 m x", "1e3"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="10m") as caught:
        seconds_of(text, "--give-up")
    assert caught.value.key == "--give-up"


def test_a_size() -> None:
    assert size_of("1280x720", "--camera-size") == (1280, 720)
    assert size_of(" 640X480 ", "--camera-size") == (640, 480)
    assert size_of(None, "--camera-size") == (None, None)


@pytest.mark.parametrize("text", ["1280", "0x720", "1280x", "x", "1280x720x3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="1280x720"):
        size_of(text, "--camera-size")


def test_a_word_that_is_not_known_is_refused_with_those_that_are() -> None:
    assert choice_of("udp", ["tcp", "udp"], "--rtsp-transport") == "udp"
    with pytest.raises(InputError, match="tcp or udp"):
        choice_of("quic", ["tcp", "udp"], "--rtsp-transport")
