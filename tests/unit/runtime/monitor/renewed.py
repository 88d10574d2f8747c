"""A bundle put in the place of another, as the writer of bundles does it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from edgefit.bundle import MANIFEST, manifest_hash


def renewed(bundle: Path, **facts: Any) -> str:
    """Replace a bundle by one with other facts in its manifest; the hash of the new one."""
    fresh = bundle.with_name(f".{bundle.name}-new")
    shutil.copytree(bundle, fresh)
    manifest = json.loads((fresh / MANIFEST).read_text(encoding="utf-8")) | facts
    manifest["sha256"] = manifest_hash(manifest)
    (fresh / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    bundle.rename(bundle.with_name(f".{bundle.name}-old"))
    fresh.rename(bundle)
    shutil.rmtree(bundle.with_name(f".{bundle.name}-old"))
    return str(manifest["sha256"])
