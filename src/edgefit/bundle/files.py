"""Files of a bundle: where they may be, and whether they match the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from edgefit.bundle.manifest import MANIFEST, FileEntry
from edgefit.errors import BundleError, IntegrityError


def inside(root: Path, relative: str) -> Path:
    """Resolve a manifest path; refuse absolute ones, ``..`` and links that leave the bundle."""
    pure = PurePosixPath(relative)
    unsafe = (
        not relative
        or "\\" in relative
        or "\0" in relative
        or ":" in relative
        or pure.is_absolute()
        or ".." in pure.parts
    )
    target = root / pure if not unsafe else root
    if unsafe or not target.resolve().is_relative_to(root.resolve()):
        raise BundleError(
            "The manifest names a path outside the bundle.",
            path=root / MANIFEST,
            expected="paths inside the bundle",
            found=relative,
            remedy="do not use this bundle; get it again from a trusted source",
        )
    return target


def check_entry(root: Path, entry: FileEntry, check_hashes: bool) -> None:
    """Compare a file with its manifest entry.

    Raises:
        BundleError: Its path leaves the bundle.
        IntegrityError: It is missing, or its size or hash differs.
    """
    target = inside(root, entry.path)
    if not target.is_file():
        raise IntegrityError(
            "A file of the bundle is missing.", path=target, remedy="copy the bundle again"
        )
    found_size = target.stat().st_size
    if found_size != entry.size:
        raise IntegrityError(
            "The size of a bundle file differs from the manifest.",
            path=target,
            expected=f"{entry.size} bytes",
            found=f"{found_size} bytes",
            remedy="copy the bundle again",
        )
    if check_hashes:
        found = sha256_of(target)
        if found != entry.sha256:
            raise IntegrityError(
                "A file of the bundle was changed: its hash differs from the manifest.",
                path=target,
                expected=entry.sha256,
                found=found,
                remedy="copy the bundle again from where it was built",
            )


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe_file(root: Path, relative: str) -> FileEntry:
    """The manifest entry of a file in ``root``."""
    target = inside(root, relative)
    return FileEntry(path=relative, sha256=sha256_of(target), size=target.stat().st_size)


def describe_files(root: Path, relatives: Iterable[str]) -> list[FileEntry]:
    """Manifest entries of several files."""
    return [describe_file(root, relative) for relative in relatives]
