"""Images that cannot be read, by reason and class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from edgefit.data.missing_files import NO_FILE, NOT_UTF8
from edgefit.data.table import SampleTable, examples
from edgefit.errors import DataError
from edgefit.names import printable
from edgefit.wording import counted

_REASONS = 3


def reasons_in_words(unreadable: Mapping[str, str]) -> str:
    """The most frequent reasons, each with its count and an example.

    >>> reasons_in_words({"a.png": "empty", "b.png": "empty", "c.png": "cut off"})
    '2 empty (a.png), 1 cut off (c.png)'
    """
    paths: dict[str, list[str]] = defaultdict(list)
    for path, reason in unreadable.items():
        paths[reason].append(path)
    ordered = sorted(paths.items(), key=lambda item: -len(item[1]))
    named = [
        f"{len(those):,} {reason.rstrip('.')} ({printable(those[0])})" for reason, those in ordered
    ]
    rest = len(named) - _REASONS
    return ", ".join(named[:_REASONS]) + (f" and {rest} more reasons" if rest > 0 else "")


def require_readable_classes(source: SampleTable, unreadable: Mapping[str, str]) -> None:
    """Check that each class has an image that can be read.

    Args:
        source: All samples, as the data set names them.
        unreadable: ``{path: reason}`` of those that cannot be decoded.

    Raises:
        DataError: A class has none; the error names it, the number of its images and the reasons.
    """
    readable = {s.label for s in source.samples if s.path not in unreadable}
    lost: dict[str, dict[str, str]] = {
        name: {s.path: unreadable[s.path] for s in source.samples if s.label == name}
        for name in source.labels.names
        if name not in readable
    }
    if lost:
        named = [
            f"{name!r}: {counted(len(reasons), 'image')}, {reasons_in_words(reasons)}"
            for name, reasons in lost.items()
        ]
        raise DataError(
            f"None of the images of {'a class' if len(lost) == 1 else f'{len(lost)} classes'} can "
            "be read.",
            path=source.root,
            found=examples(named),
            remedy=f"{_remedy_for(lost)}, or leave the class out with data.exclude",
        )


def _remedy_for(lost: Mapping[str, Mapping[str, str]]) -> str:
    reasons = {reason for those in lost.values() for reason in those.values()}
    if any(NOT_UTF8 in reason for reason in reasons):
        return "rename the files whose names are not UTF-8, use class folders"
    if all(reason.startswith(NO_FILE) for reason in reasons):
        return "correct the paths"
    return "replace the files"
