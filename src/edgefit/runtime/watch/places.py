"""The folders and the file of a watched inbox, checked before anything is moved."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.watch.durable import make_folder
from edgefit.runtime.watch.inbox import WATCHED_SUFFIXES


@dataclass(frozen=True)
class Places:
    """Where files come from and go to. All paths are absolute and without links.

    Attributes:
        inbox: Folder whose files are answered.
        done: Where answered files go, under their path in the inbox.
        failed: Where files go that cannot be read, each with its reason beside it.
        results: File of JSON lines.
    """

    inbox: Path
    done: Path
    failed: Path
    results: Path


def choose_places(
    bundle: Path, inbox: Path, done: Path | None, failed: Path | None, results: Path | None
) -> Places:
    """The places, with ``done``, ``failed`` and ``results.jsonl`` beside the inbox by default.

    Makes the folders that are missing, except the inbox.

    Raises:
        InputError: There is no inbox, two places lie inside one another, a place cannot be written
            to, or the results are not a file for JSON lines.
    """
    if not inbox.is_dir():
        raise InputError(
            "The inbox is not a folder.",
            path=inbox,
            expected="the folder that images arrive in",
            remedy="correct the path, or make the folder",
        )
    inbox = Path(os.path.realpath(inbox))
    places = Places(
        inbox,
        Path(os.path.realpath(done or inbox.parent / "done")),
        Path(os.path.realpath(failed or inbox.parent / "failed")),
        Path(os.path.realpath(results or inbox.parent / "results.jsonl")),
    )
    _require_lines_file(places.results)
    _require_apart(places, Path(os.path.realpath(bundle)))
    results_folder = places.results.parent
    for name, folder in (
        ("--done", places.done),
        ("--failed", places.failed),
        ("--out", results_folder),
    ):
        _make(name, folder)
    _require_writable(places)
    return places


def _require_lines_file(results: Path) -> None:
    suffix = results.suffix.lower()
    if suffix == ".csv":
        raise InputError(
            "watch writes JSON lines, not CSV.",
            path=results,
            key="--out",
            expected="a file such as results.jsonl",
            remedy="name the file .jsonl; `edgefit predict BUNDLE SOURCE --format csv` writes CSV",
        )
    if suffix in WATCHED_SUFFIXES or results.is_dir():
        raise InputError(
            "--out is a folder, or has the extension of an image or a video.",
            path=results,
            key="--out",
            expected="a file such as results.jsonl",
            remedy="give the file another name; no image was changed",
        )


def _require_apart(places: Places, bundle: Path) -> None:
    folders = {
        "the inbox": places.inbox,
        "--done": places.done,
        "--failed": places.failed,
        "the bundle": bundle,
    }
    for outer, outside in folders.items():
        for inner, inside in folders.items():
            if inner != outer and lies_in(inside, outside):
                raise _not_apart(inner, inside, outer, outside)
    for outer in ("the inbox", "the bundle"):
        if lies_in(places.results, folders[outer]):
            raise _not_apart("--out", places.results, outer, folders[outer])


def _not_apart(inner: str, inside: Path, outer: str, outside: Path) -> InputError:
    same = lies_in(outside, inside)
    return InputError(
        f"{inner} and {outer} are the same folder." if same else f"{inner} lies inside {outer}.",
        path=inside,
        found=None if same else f"{outer}: {outside}",
        expected="folders beside one another, e.g. line/inbox, line/done and line/failed",
        remedy="give another folder; nothing was moved",
    )


def lies_in(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or lies below it, under whatever name; it need not exist."""
    try:
        wanted = folder.stat()
    except OSError:
        return path.is_relative_to(folder)
    for place in (path, *path.parents):
        try:
            if os.path.samestat(place.stat(), wanted):
                return True
        except OSError:  # does not exist yet
            continue
    return False


def _make(option: str, folder: Path) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise InputError(
            "The folder cannot be made.",
            path=folder,
            key=option,
            found=error.strerror,
            remedy="make it yourself, or give another folder",
        ) from error


def _require_writable(places: Places) -> None:
    for folder in (places.inbox, places.done, places.failed, places.results.parent):
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(
                "The folder cannot be written to.",
                path=folder,
                expected="a folder that this user may write to: files are moved, lines are written",
                found="no right to write" if folder.is_dir() else "no folder",
                remedy="change its owner or its rights; nothing was moved",
            )
