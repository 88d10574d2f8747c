"""After a power cut or a kill: which lines of the last batch are on the disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from edgefit.names import unescaped
from edgefit.runtime.watch.inbox import frame_name, is_video
from edgefit.runtime.watch.journal import Batch, Entry
from edgefit.runtime.watch.results import find_marked, lines_since, mend_tail


def recount(
    batch: Batch, results: Path, is_there: Callable[[Entry], bool], warn: Callable[[str], None]
) -> tuple[Entry, ...]:
    """The batch's files with the lines they have; an incomplete last line is cut off.

    Args:
        batch: From the journal.
        results: The results file.
        is_there: Whether the very file of an entry is still in the inbox.
        warn: Takes a sentence that the user must read.
    """
    path = find_marked(batch.mark, results)
    entries = list(batch.files)
    if path is None:
        warn(
            f"{results} is not the file that the last batch was written to; "
            f"up to {len(entries)} files are answered again"
        )
    else:
        mend_tail(path, batch.mark.offset)
        entries = count_lines(entries, lines_since(path, batch.mark.offset))
    return tuple(_blame(batch.files, entries, is_there))


def count_lines(entries: list[Entry], lines: Iterable[bytes]) -> list[Entry]:
    """Count the lines of each file.

    The lines of a batch are in the order of its files, and those of a file are numbered from 0 by
    ``index``. Lines that do not fit were written by somebody else, and are passed over.
    """
    counted, here = list(entries), 0
    for line in lines:
        facts = _facts(line)
        for number in range(here, len(counted)):
            if _belongs(facts, counted[number]):
                counted[number] = _with_line(counted[number], facts)
                here = number
                break
    return counted


def is_complete(entry: Entry) -> bool:
    """Whether no line is missing; a video only ends when its last frame was asked for."""
    return entry.lines > 0 and not is_video(unescaped(entry.path))


def forgiven(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The files without the last blame: the run ended for a reason of its own."""
    return tuple(e.model_copy(update={"cut_off": max(e.cut_off - 1, 0)}) for e in entries)


def _blame(
    before: Sequence[Entry], entries: list[Entry], is_there: Callable[[Entry], bool]
) -> list[Entry]:
    """Note for the file that was being answered, the first incomplete one, that a run ended.

    Runs that added lines do not count: a long video may well be cut off many times.
    """
    for number, entry in enumerate(entries):
        if not is_complete(entry) and is_there(entry):
            times = 0 if entry.lines > before[number].lines else entry.cut_off + 1
            entries[number] = entry.model_copy(update={"cut_off": times})
            break
    return entries


def _facts(line: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(line)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _belongs(facts: dict[str, Any], entry: Entry) -> bool:
    name = frame_name(unescaped(entry.path), entry.lines)
    return facts.get("name") == name and facts.get("index") == entry.lines


def _with_line(entry: Entry, facts: dict[str, Any]) -> Entry:
    error = facts.get("error")
    return entry.model_copy(
        update={
            "lines": entry.lines + 1,
            "answered": entry.answered + (error is None),
            "error": entry.error or (None if error is None else str(error)),
        }
    )
