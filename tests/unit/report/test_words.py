from __future__ import annotations

import pytest

from edgefit.report import words


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100.0 %"), (0.9999, "99.9 %"), (0.5, "50.0 %"), (0.0, "0.0 %"), (None, "not defined")],
)
def test_percent_calls_only_all_100(share: float | None, text: str) -> None:
    assert words.percent(share) == text


def test_interval_has_the_digits_its_width_can_bear() -> None:
    wide = {"value": 0.987, "low": 0.95, "high": 0.994}
    narrow = {"value": 0.9871, "low": 0.9812, "high": 0.9932}
    assert words.with_interval(wide) == "98.7 % (95.0 to 99.4 %)"
    assert words.with_interval(narrow) == "98.71 % (98.12 to 99.32 %)"
    assert words.between(wide) == "between 95.0 and 99.4 %"


def test_what_is_not_defined_is_said_to_be_so() -> None:
    nothing = {"value": None, "low": None, "high": None}
    assert words.with_interval(nothing) == "not defined"
    assert words.points(None) == "not defined"
    assert words.milliseconds(None) == "not measured"


def test_drops_have_a_sign_and_no_minus_zero() -> None:
    assert words.points(0.0042, -0.001, 0.0125) == "+0.42 (-0.10 to +1.25)"
    assert words.points(-0.00001) == "0.00"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<script>&", "&lt;script&gt;&amp;"),
        ("a|b", "a\\|b"),
        ("mobilenet_v2", "mobilenet_v2"),
        ("_x_", "\\_x\\_"),
        ("*[x](y)`", "\\*\\[x\\](y)\\`"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_is_escaped(text: str, escaped: str) -> None:
    assert words.escape_markdown(text) == escaped


def test_ready_markdown_is_left_alone() -> None:
    assert words.escape_markdown(words.Markdown("`a_b*`")) == "`a_b*`"


def test_shortened_keeps_both_ends() -> None:
    assert words.shortened("speed limit 30", 9) == "spee…t 30"
    assert words.shortened("short", 9) == "short"


def test_units() -> None:
    assert words.size(9_100_000) == "9.10 MB"
    assert words.size(1500) == "1.5 kB"
    assert words.milliseconds(0.914) == "0.91 ms"
    assert words.milliseconds(123.4) == "123 ms"
    assert words.duration(59.7) == "1 min 0 s"
    assert words.duration(7800) == "2 h 10 min"
