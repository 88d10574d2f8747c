"""What all formats share: which images are wanted, which belong together, and the class list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from edgefit.data.formats.classes import class_list, require_no_twins
from edgefit.data.passed_over import remedy_for, why_none
from edgefit.data.table import Sample, SampleTable, examples
from edgefit.errors import DataError
from edgefit.names import composed, printable
from edgefit.recipe import DataConfig
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.walking import PassedOver
from edgefit.spec import LabelMap


def is_included(path: str, config: DataConfig) -> bool:
    """Whether a relative path passes ``include``. ``*`` matches any characters, ``/`` too."""
    return not config.include or _matches(path, config.include)


def is_excluded(path: str, config: DataConfig) -> bool:
    """Whether ``exclude`` matches a relative path."""
    return _matches(path, config.exclude)


def _matches(path: str, globs: Sequence[str]) -> bool:
    """A name matches in either Unicode form, since nobody can see which one was typed."""
    forms = {path, composed(path)}
    return any(fnmatchcase(form, g) for g in {*globs, *map(composed, globs)} for form in forms)


def group_names(paths: Sequence[str], pattern: str | None) -> list[str]:
    """Each path's group: the pattern's captured groups joined by ``/``, or its whole match.

    Without a pattern each image is its own group, named by its path. Names are printable.

    Raises:
        DataError: Paths that the pattern does not match.
    """
    paths = [printable(path) for path in paths]
    if pattern is None:
        return paths
    expression = re.compile(pattern)
    names, unmatched = [], []
    for path in paths:
        match = expression.search(path)
        if match is None:
            unmatched.append(path)
            continue
        captured = [part for part in match.groups() if part is not None]
        names.append("/".join(captured) if captured else match.group(0))
    if unmatched:
        raise DataError(
            f"{len(unmatched):,} of {len(paths):,} paths do not match the group pattern.",
            key="data.group",
            expected=pattern,
            found=examples(unmatched),
            remedy="widen the pattern, or leave these images out with data.exclude",
        )
    return names


def require_inside(path: Path, root: Path) -> None:
    """Check that a file, its symbolic links followed, lies inside the root.

    Raises:
        DataError: It does not.
    """
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # too long, links in a circle, a NUL
        raise DataError(
            "A path cannot be followed.",
            path=printable(str(path)),
            found=str(error),
            remedy="correct the path",
        ) from error
    if not resolved.is_relative_to(root.resolve()):
        raise DataError(
            "A path leads out of the data set's folder.",
            path=printable(str(path)),
            expected=f"a file inside {root}",
            found=printable(str(resolved)),
            remedy="copy the file into the folder, or give a root that holds all files; a symbolic "
            "link that leads out is followed with data.links: all",
        )


def make_table(
    root: Path,
    samples: Iterable[Sample],
    config: DataConfig,
    passed_over: Sequence[PassedOver] = (),
) -> SampleTable:
    """Freeze the class list and sort the samples by path.

    Args:
        root: Folder that the samples' paths are relative to.
        samples: The images, in any order.
        config: ``classes`` orders and limits the classes.
        passed_over: What else the folder holds, for the errors.

    Raises:
        DataError: No images, a class of ``config.classes`` has none, or two classes have nearly
            the same name.
    """
    ordered = tuple(sorted(samples, key=lambda s: s.path))
    if not ordered:
        raise _no_images(root, config, passed_over)
    present = {s.label for s in ordered if s.label is not None}
    names = class_list(config) or tuple(sorted(present))
    empty = [name for name in names if name not in present]
    if empty:
        raise empty_class(root, empty, passed_over)
    require_no_twins(root, present, config)
    return SampleTable(root, ordered, LabelMap(names))


def _no_images(root: Path, config: DataConfig, passed_over: Sequence[PassedOver]) -> DataError:
    wanted = f"include={config.include} exclude={config.exclude}"
    has_globs = bool(config.include or config.exclude)
    found = [text for text in (wanted if has_globs else None, why_none(passed_over)) if text]
    return DataError(
        "The data set holds no images.",
        path=root,
        expected=f"files ending in {' '.join(sorted(IMAGE_SUFFIXES))}",
        found="; ".join(found) or None,
        remedy=remedy_for(passed_over)
        or ("check the path and the globs" if has_globs else "check the path"),
    )


def empty_class(
    root: Path, names: Sequence[str], passed_over: Sequence[PassedOver] = ()
) -> DataError:
    """The error for classes of the class list without a single image."""
    return DataError(
        f"{'A class has' if len(names) == 1 else 'Classes have'} no images.",
        path=root,
        key="data.classes",
        found="; ".join([examples(names), *filter(None, [why_none(passed_over)])]),
        remedy=remedy_for(passed_over) or "add images, or leave the class out of data.classes",
    )


def unknown_label(label: str, config: DataConfig, *, path: Path, where: str) -> DataError:
    """The error for a label that ``config.classes`` does not list."""
    return DataError(
        f"{where} has a label that is not in the class list.",
        path=path,
        key="data.classes",
        expected=config.classes,
        found=label,
        remedy="add the label to data.classes, or leave its images out with data.exclude",
    )
