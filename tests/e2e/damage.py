"""Ways in which a bundle goes wrong on its way to the device."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from edgefit.bundle import BundleWriter, describe_file, read_bundle


def flip_a_byte(path: Path) -> None:
    """Change one byte of a file; its size stays."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_graph(bundle: Path, relative: str, change: Callable[[Path], None]) -> None:
    """Change a graph and state its new hash: damage that no hash can show."""
    manifest = read_bundle(bundle, allow_draft=True).manifest
    with BundleWriter(bundle) as writer:
        shutil.copytree(bundle, writer.folder, dirs_exist_ok=True)
        change(writer.folder / relative)
        entry = describe_file(writer.folder, relative)
        variants = [
            v.model_copy(update={"files": [entry if f.path == relative else f for f in v.files]})
            for v in manifest.variants
        ]
        writer.finish(manifest.model_copy(update={"variants": variants}))
