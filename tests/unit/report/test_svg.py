"""Figures as inline SVG: well-formed, in the page's colours and font, the same at each call."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup
from matplotlib.figure import Figure

from edgefit.report import svg
from edgefit.report.svg import draw

COLOURS = ("INK", "MUTED", "GRID", "ACCENT", "SECOND", "BAD", "ON_ACCENT")


def line(colour: str = svg.ACCENT, text: str = "some text", name: str = "a") -> Markup:
    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=colour)
        axes.set_title(text)

    return draw(name, "a line", 300, 120, paint)


def test_a_drawing_is_one_well_formed_element_with_a_title() -> None:
    drawing = line()
    root = ElementTree.fromstring(drawing.replace("xlink:href", "href"))
    assert root.tag.endswith("svg")
    assert root.attrib["aria-label"] == "a line"
    assert root.attrib["role"] == "img"
    assert root.attrib["style"] == "max-width:300px"
    assert root.attrib["viewBox"].split()[2:] == ["300", "120"]
    assert "<metadata" not in drawing and "<style" not in drawing


@pytest.mark.parametrize("name", COLOURS)
def test_every_colour_becomes_one_of_the_page(name: str) -> None:
    drawing = line(getattr(svg, name))
    assert not re.findall(r"#0a0b0\d", drawing)
    assert re.search(r"stroke: var\(--[a-z]+\)", drawing)


def test_text_stays_text_in_the_font_of_the_page() -> None:
    drawing = line(text="a title")
    assert "a title" in drawing
    assert "font-size: 12px" in drawing
    assert "font-family" not in drawing
    assert "font:" not in drawing


@pytest.mark.parametrize("text", ["</svg><script>", "a $x_1$ b", "\u7455\u75b5", 'q"&<'])
def test_any_text_is_text_and_nothing_else(text: str) -> None:
    drawing = line(text=text)
    root = ElementTree.fromstring(drawing.replace("xlink:href", "href"))
    shown = ["".join(e.itertext()).strip() for e in root.iter() if e.tag.endswith("text")]
    assert text in shown
    assert "<script" not in drawing


def test_a_title_with_quotes_stays_in_its_attribute() -> None:
    drawing = draw("a", 'a "b" <c>', 100, 100, lambda figure: None)
    assert ElementTree.fromstring(drawing).attrib["aria-label"] == 'a "b" <c>'


def test_drawings_are_reproducible_and_two_names_share_no_identifier() -> None:
    first = line(name="a")
    assert line(name="a") == first
    ids = [set(re.findall(r'id="([^"]+)"', line(name=name))) for name in ("a", "b")]
    assert ids[0] and not ids[0] & ids[1]
