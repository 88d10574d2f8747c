"""What results may be written to: nothing of the user's is overwritten by accident."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sinks.output import STDOUT
from edgefit.runtime.sinks.written import CSV_BEGINS, JSON_BEGINS
from edgefit.runtime.sources import VIDEO_SUFFIXES
from edgefit.runtime.sources.kinds import ARCHIVE_SUFFIXES
from edgefit.runtime.watch.places import lies_in


def require_safe_target(out: str, sources: Sequence[str], bundle: Path) -> None:
    """Refuse a target that is, or lies in, what is read, or that would overwrite another file.

    Args:
        out: A file, a template for names, or ``"-"``.
        sources: Texts of sources; those that are no paths do not matter.
        bundle: The bundle.

    Raises:
        InputError: The target is a folder, has the extension of an image, a video or an archive,
            is a source or the bundle or lies in one, or is a file without predictions.
    """
    if out == STDOUT:
        return
    target = Path(os.path.realpath(out))
    _require_text_file(out, target)
    # an empty text is no path, although Path("") is this folder
    places = [("the bundle", str(bundle)), *(("the source", source) for source in sources)]
    for what, place in places:
        if os.path.lexists(place) and lies_in(target, Path(os.path.realpath(place))):
            raise InputError(
                f"--out {'lies inside' if Path(place).is_dir() else 'is'} {what}.",
                path=out,
                found=f"{what}: {place}",
                expected="a file outside of all that is read",
                remedy="give another file; nothing was changed",
            )
    _require_no_other_content(out, target)


def _require_text_file(out: str, target: Path) -> None:
    name = target.name.lower()
    is_known = target.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES
    if is_known or name.endswith(ARCHIVE_SUFFIXES) or target.is_dir():
        raise InputError(
            "--out is a folder, or has the extension of an image, a video or an archive.",
            path=out,
            expected="a file for text, e.g. results.jsonl or results.csv",
            remedy="give the file another name; no image was changed",
        )


def _require_no_other_content(out: str, target: Path) -> None:
    if not target.is_file():  # a pipe must not be read
        return
    try:
        with target.open("rb") as file:
            start = file.read(max(len(JSON_BEGINS), len(CSV_BEGINS)))
    except OSError:  # the sink says whether it can be written
        return
    # what a killed process left may be shorter than a beginning
    if not any(start.startswith(b) or b.startswith(start) for b in (JSON_BEGINS, CSV_BEGINS)):
        raise InputError(
            "--out is a file that holds something else than predictions.",
            path=out,
            expected="a new file, or one that `edgefit predict` wrote",
            remedy="give another file, or remove this one; nothing was changed",
        )
