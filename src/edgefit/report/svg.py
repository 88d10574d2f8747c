"""matplotlib figures as inline SVG that follows the page: its colours, its font, light or dark.

Figures are drawn in placeholder colours, which become CSS variables. Text stays text, so that it
can be searched, scales, and is set in the reader's own fonts.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#0a0b01", "#0a0b02", "#0a0b03"
ACCENT, SECOND, BAD = "#0a0b04", "#0a0b05", "#0a0b06"
ON_ACCENT = "#0a0b07"
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--line",
    ACCENT: "--accent",
    SECOND: "--second",
    BAD: "--bad",
    ON_ACCENT: "--surface",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "text.color": INK,
    "axes.titlecolor": INK,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.edgecolor": GRID,
    "grid.color": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "text.parse_math": False,
}
_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}


def draw(
    name: str, title: str, width: float, height: float, paint: Callable[[Figure], None]
) -> Markup:
    """Paint a figure and return it as an ``<svg>`` element.

    Args:
        name: Unique on the page; makes the identifiers inside the drawing unique too.
        title: What the drawing shows, for screen readers.
        width: In CSS pixels.
        height: In CSS pixels.
        paint: Draws on an empty figure whose size is set.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    text = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # matplotlib's own font lacks many scripts, but the reader's browser sets the text
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure)
        figure.savefig(text, format="svg", metadata=_NO_METADATA)
    return _inline(text.getvalue(), name, title, width)


def _inline(document: str, name: str, title: str, width: float) -> Markup:
    """Cut the ``<svg>`` out of a document and let CSS decide size, colours and font."""
    drawing = document[document.index("<svg") :]
    head, body = drawing.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', head)
    assert box is not None
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.DOTALL)
    # matplotlib before 3.11 writes one `font`, later ones its parts; the page's font must apply
    body = re.sub(r"font: ([^;\"]*?)([\d.]+px) [^;\"]*", r"font-size: \2", body)
    body = re.sub(r"font-family: [^;\"]*(; )?", "", body)
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # the same in every drawing, and unused
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var({variable})")
    opening = Markup('<svg role="img" aria-label="{}" class="plot {}" style="max-width:{}px" ')
    return opening.format(title, name, round(width)) + Markup(f'viewBox="{box[1]}">{body.strip()}')
