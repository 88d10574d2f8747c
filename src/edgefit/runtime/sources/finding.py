"""Which image files a folder or a glob stands for, found by the one walker."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from edgefit.errors import InputError
from edgefit.names import printable
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sources.image_files import ImageSource
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.walking import PassedOver, Reason, Walk, counted, described, walk
from edgefit.spec import InputSpec, Links

_ANY_FOLDERS = "**"


def open_image(text: str, options: SourceOptions) -> ImageSource:
    """One image file."""
    return ImageSource([Path(text)], Path(text).parent, options.spec)


def open_folder(text: str, options: SourceOptions) -> ImageSource:
    """The images in a folder and below it, sorted by path.

    Raises:
        InputError: The folder holds none, or cannot be opened.
    """
    folder = Path(text)
    return _source(_walked(folder, text, options.links), folder, folder, text, options.spec)


def open_glob(text: str, options: SourceOptions) -> ImageSource:
    """The images that a pattern matches, sorted by path; ``**`` stands for any number of folders.

    Raises:
        InputError: No image matches.
    """
    parts = Path(text).parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    root, wanted = Path(*parts[:fixed]), parts[fixed:]
    deepest = None if _ANY_FOLDERS in wanted else len(wanted) - 1
    found = _walked(root, text, options.links, deepest) if root.is_dir() else Walk((), (), ())
    return _source(
        Walk(
            tuple(path for path in found.files if _matches(path.split("/"), wanted)),
            tuple(entry for entry in found.passed_over if _matches(entry.path.split("/"), wanted)),
            (),
        ),
        root,
        Path(),
        text,
        options.spec,
    )


def _walked(root: Path, source: str | Path, links: Links, deepest: int | None = None) -> Walk:
    try:
        return walk(root, links=links, max_depth=deepest)
    except OSError as error:
        raise InputError(
            "The folder cannot be opened.",
            path=source,
            found=error.strerror,
            remedy="correct its rights, or give another folder",
        ) from error


def _matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path's parts match those of a pattern."""
    if not pattern:
        return not path
    if pattern[0] == _ANY_FOLDERS:
        if len(pattern) == 1:
            return True
        return any(_matches(path[skipped:], pattern[1:]) for skipped in range(len(path)))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])


def _source(
    found: Walk, root: Path, named_from: Path, source: str | Path, spec: InputSpec | None
) -> ImageSource:
    if not found.files:
        raise _no_image(found.passed_over, source)
    # by the text of the whole path, as the names of the frames are
    paths = sorted((root / path for path in found.files), key=lambda path: path.as_posix())
    return ImageSource(paths, named_from, spec, found.passed_over)


def _no_image(passed_over: tuple[PassedOver, ...], source: str | Path) -> InputError:
    nothing = "an empty folder" if Path(source).is_dir() else "no file matches the pattern"
    leads_out = any(entry.reason is Reason.LINK_OUT for entry in passed_over)
    return InputError(
        "No image was found.",
        path=printable(str(source)),
        expected=f"files with one of the extensions {' '.join(sorted(IMAGE_SUFFIXES))}",
        found=described(counted(passed_over)) or nothing,
        remedy="follow links that lead out with --links all"
        if leads_out
        else "correct the path or the pattern",
    )
