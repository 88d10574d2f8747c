"""Write a bundle so that the target is either complete or absent."""

from __future__ import annotations

import glob
import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from edgefit.bundle.files import check_entry
from edgefit.bundle.manifest import MANIFEST, Manifest, manifest_facts, manifest_hash
from edgefit.errors import InputError

_MARKER = ".edgefit-incomplete"


class BundleWriter:
    """Write a bundle so that the target is either complete or absent.

    ::

        with BundleWriter(target) as writer:
            ...                      # put files below writer.folder
            writer.finish(manifest)  # without this call nothing appears at the target

    Args:
        target: Where to write the bundle. The writer replaces an older bundle there at the very
            end and refuses anything else. Use one writer at a time: it removes what a killed
            writer left beside the target.

    Raises:
        InputError: The target exists and is not a bundle.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        if target.exists() and _has_content(target) and not _is_bundle(target):
            raise InputError(
                "The target exists and is not a bundle; it is left alone.",
                path=target,
                remedy="choose another folder with --out, or remove it yourself",
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        self.folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        (self.folder / _MARKER).touch()
        self.folder.chmod(0o755)

    def __enter__(self) -> Self:
        return self

    def finish(self, manifest: Manifest) -> Path:
        """Check the files against the manifest, then put the bundle in its place."""
        for entry in [f for v in manifest.variants for f in v.files] + manifest.files:
            check_entry(self.folder, entry, check_hashes=True)
        facts = manifest_facts(manifest)
        facts["sha256"] = manifest_hash(facts)
        text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
        (self.folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
        (self.folder / _MARKER).unlink()
        _replace_folder(self.folder, self.target)
        return self.target

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _has_content(target: Path) -> bool:
    return not target.is_dir() or any(target.iterdir())


def _is_bundle(target: Path) -> bool:
    """Whether the folder is a bundle of edgefit: other programs write a manifest.json too."""
    try:
        facts = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(facts, dict) and {"format_version", "labels_sha256", "variants"} <= set(facts)


def _remove_leftovers(target: Path) -> None:
    for marker in target.parent.glob(f".{glob.escape(target.name)}-*/{_MARKER}"):
        shutil.rmtree(marker.parent, ignore_errors=True)


def _replace_folder(new: Path, target: Path) -> None:
    old: Path | None = None
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        target.rename(old / "bundle")
    try:
        new.rename(target)
    except OSError:
        if old is not None:
            (old / "bundle").rename(target)
            old.rmdir()
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
