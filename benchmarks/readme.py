"""Measured sections of a Markdown page: a suite writes what is between two marker lines."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Entry = Mapping[str, Any]


def insert(text: str, name: str, body: str, title: str | None = None) -> str:
    """A page with the part between the marker lines of ``name`` replaced.

    Args:
        text: The page.
        name: Of the section, as in ``<!-- NAME: begin -->``.
        body: What goes between the lines.
        title: If the lines are missing, a section of this title is added at the end; without a
            title they must be there.

    Raises:
        SystemExit: The lines are missing and there is no title, or only one is there.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    block = f"{begin}\n{body}\n{end}"
    if title is not None and begin not in text and end not in text:
        return f"{text.rstrip()}\n\n## {title}\n\n{block}\n"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise SystemExit(f"the page lacks the lines {begin} and {end}")
    return before + block + after


def write_section(
    page: Path,
    name: str,
    title: str,
    lines: Sequence[str],
    *,
    drawing: Path | None = None,
) -> None:
    """Put lines into a page; a drawing is copied beside it, under the page's name, and shown below.

    Raises:
        SystemExit: There is no such page.
    """
    if not page.is_file():
        raise SystemExit(f"there is no page at {page}")
    body = "\n".join(lines)
    if drawing is not None:
        copied = page.with_name(f"{page.stem}-{drawing.name}")
        shutil.copyfile(drawing, copied)
        body += f"\n\n![{title}]({copied.name})"
    text = insert(page.read_text(encoding="utf-8"), name, body, title)
    page.write_text(text, encoding="utf-8")
    print(f"written: {page}")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def percent(entry: Entry | None, digits: int = 2) -> str:
    """A share with its interval, in percent: ``99.44 % (98.6-99.9)``; and how many, if counted."""
    if entry is None or entry["value"] is None:
        return "-"
    text = f"{100 * entry['value']:.{digits}f} %"
    if entry["low"] is not None and entry["high"] is not None:
        text += f" ({100 * entry['low']:.1f}-{100 * entry['high']:.1f})"
    if "count" in entry:
        text += f", {entry['count']} of {entry['images']}"
    return text


def points(entry: Entry | None) -> str:
    """A paired gain with its interval, in percentage points: ``+1.20 (+0.3 to +2.1)``."""
    if entry is None or entry["gain"] is None:
        return "-"
    gain, low, high = (100 * entry[key] for key in ("gain", "low", "high"))
    return f"{gain:+.2f} ({low:+.1f} to {high:+.1f})"


def interval(entry: Entry, **more: Any) -> dict[str, Any]:
    """A share's interval in percent, as the parameters of a figure."""
    bounds = {key: entry[key] for key in ("low", "high")}
    return {k: None if v is None else round(100 * v, 4) for k, v in bounds.items()} | more
