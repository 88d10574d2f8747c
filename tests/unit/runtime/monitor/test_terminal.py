from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from edgefit.runtime.monitor.figures import Figures
from edgefit.runtime.monitor.terminal import line, shown, view
from tests.unit.runtime.monitor.running import Clock, Stood, Waits, answer, camera
from tests.unit.runtime.sources.given import Given


def drawn(figures: Figures, *, width: int = 120) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(
        view(figures.read())
    )
    return out.getvalue()


def test_the_view_shows_every_source_and_the_last_decisions() -> None:
    clock = Clock()
    figures = Figures(Stood(camera(), Waits(name="inbox")), good="good", clock=clock)
    figures.take(answer("good", source="camera:0", name="camera:0#0", took=0.02))
    figures.take(answer("hole", source="inbox", name="7.png"))
    clock.now += 60
    text = drawn(figures)
    rows = [row for row in text.splitlines() if row.strip()]
    (first,) = [row for row in rows if row.lstrip().startswith("camera:0 ")]
    assert "no frame for 60 s" in first and "20.0 ms" in first and "40.0 ms" in first
    (second,) = [row for row in rows if row.lstrip().startswith("inbox ")]
    assert "waiting" in second
    assert "yield 50.00% of 2" in text and "7.png: hole" in text


@pytest.mark.parametrize("name", ["[red]a[/]", "\x1b]0;title\x07", "a\nb", "b_\udcfc", "[/nope]"])
def test_names_are_data(name: str) -> None:
    figures = Figures(Stood(camera(name)))
    figures.take(answer(name, source=name, name=name))
    for text in (drawn(figures), line(figures.read())):
        text.encode()
        assert "\x1b]" not in text and "\x07" not in text
        assert name.encode("unicode_escape").decode().replace("\\udcfc", "\\xfc") in text


def test_the_line_holds_what_a_log_needs() -> None:
    figures = Figures(Stood(Given(name="folder")))
    assert line(figures.read()).startswith("0 frames; 0.0/s")
    for decision in ("good", "hole", "good", None):
        figures.take(answer(decision, took=2))
    text = line(figures.read())
    assert "4 frames" in text and "latency p99 2.0 s" in text and "; 1 error;" in text
    assert "good 2, hole 1" in text and "age" not in text and "dropped" not in text


def test_without_a_terminal_a_line_is_printed_now_and_then() -> None:
    out = io.StringIO()
    figures = Figures(Stood(camera("[bold]x")))
    with shown(figures.read, Console(file=out, width=20), every_s=0.01):
        deadline = time.monotonic() + 10
        while out.getvalue().count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert out.getvalue().splitlines()[0].startswith("0 frames; 0.0/s")
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_the_view_goes_away_at_the_end() -> None:
    out = io.StringIO()
    figures = Figures(Stood(camera()))
    with shown(figures.read, Console(file=out, width=120, force_terminal=True)):
        pass
    assert "camera:0" in out.getvalue() and out.getvalue().rstrip().endswith("\x1b[2K")
