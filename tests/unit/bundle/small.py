"""A bundle of two text files, and ways to damage it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgefit.bundle import (
    FORMAT_VERSION,
    BundleWriter,
    Manifest,
    Variant,
    describe_file,
)
from edgefit.spec import (
    CLASSIFICATION,
    Engine,
    InputSpec,
    LabelMap,
    Precision,
    VariantKey,
)

LABELS = LabelMap(("good", "dent"))


ONNX = VariantKey(Engine.ONNXRUNTIME, Precision.FP32)


def manifest_of(folder: Path, **changes: Any) -> Manifest:
    variant = Variant(
        engine=Engine.ONNXRUNTIME,
        precision=Precision.FP32,
        files=[describe_file(folder, "onnxruntime/model.onnx")],
    )
    facts: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "status": "verified",
        "name": "tiny",
        "task": CLASSIFICATION,
        "labels": list(LABELS.names),
        "labels_sha256": LABELS.sha256,
        "input": InputSpec(32, 32).to_dict(),
        "variants": [variant],
        "files": [describe_file(folder, "notes.txt")],
    }
    return Manifest(**(facts | changes))


def fill(folder: Path, content: str = "weights") -> None:
    (folder / "onnxruntime").mkdir()
    (folder / "onnxruntime" / "model.onnx").write_text(content)
    (folder / "notes.txt").write_text("notes")


def write(target: Path, content: str = "weights", **changes: Any) -> Path:
    with BundleWriter(target) as writer:
        fill(writer.folder, content)
        return writer.finish(manifest_of(writer.folder, **changes))
