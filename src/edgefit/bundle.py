"""Write, read, hash and validate a bundle: the folder that goes to the device.

A bundle is complete or absent: :class:`BundleWriter` fills a hidden folder beside the target and
renames it at the end. Reading checks every hash; no path in a manifest may leave the folder.
``draft`` bundles are what ``export`` makes: the same format before the gate.
"""

from __future__ import annotations

import glob
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edgefit.errors import BundleError, InputError, IntegrityError
from edgefit.spec import (
    Engine,
    InputSpec,
    LabelMap,
    OperatingPoint,
    Precision,
    Task,
    VariantKey,
)

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
_MARKER = ".edgefit-incomplete"


class _Record(BaseModel):
    # "constants": a NaN must reach json.dumps, which refuses it, and not turn into a null
    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), ser_json_inf_nan="constants"
    )


class FileEntry(_Record):
    """One file of a bundle: its path inside it, the hash of its bytes and their number."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Variant(_Record):
    """One engine at one precision.

    Attributes:
        files: The graph first, then what belongs to it (OpenVINO's ``.bin``).
        metrics: Held-out metrics of this very file: name -> value, low, high.
        gate: What the gate measured for it.
        benchmark: Latency, throughput and memory on the machine named in the manifest.
        quantization: How an int8 variant was made.
    """

    engine: Engine
    precision: Precision
    files: list[FileEntry] = Field(min_length=1)
    metrics: dict[str, Any] = {}
    gate: dict[str, Any] = {}
    benchmark: dict[str, Any] = {}
    quantization: dict[str, Any] = {}

    @property
    def key(self) -> VariantKey:
        """Engine and precision."""
        return VariantKey(self.engine, self.precision)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(f.size for f in self.files)


class Manifest(_Record):
    """What stands in ``manifest.json``.

    Attributes:
        status: ``draft`` before the gate, ``verified`` after it.
        operating: Threshold, reject and novelty rules; None for plain arg-max.
        thresholds: Always empty; bundles of release 0.1 hold it.
        recommended: The fastest variant that passed, as measured on the machine that built the
            bundle: ``default`` over all, and one for each engine, for devices that have only it.
        files: Everything that is no variant: golden frames, verify.json, report, card.
        lineage: Recipe, data fingerprint, hash of the base weights, versions, seed.
        sha256: Hash over all of this but itself; :class:`BundleWriter` sets it. It shows damage; it
            is no signature.
    """

    format_version: int
    status: Literal["draft", "verified"]
    name: str
    task: Task
    labels: list[str] = Field(min_length=2)
    labels_sha256: str
    input: dict[str, Any]
    temperature: float = Field(default=1.0, gt=0)
    operating: OperatingPoint | None = None
    thresholds: dict[str, Any] = {}
    variants: list[Variant] = Field(min_length=1)
    recommended: dict[str, str] = {}
    files: list[FileEntry] = []
    lineage: dict[str, Any] = {}
    sha256: str = ""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        keys = [str(v.key) for v in self.variants]
        paths = [f.path for f in [f for v in self.variants for f in v.files] + self.files]
        for what, names in (("labels", self.labels), ("variants", keys), ("files", paths)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} stand twice: {', '.join(twice)}")
        absent = sorted(set(self.recommended.values()) - set(keys))
        if absent:
            raise ValueError(f"recommended names variants that are absent: {', '.join(absent)}")
        return self


class Bundle:
    """A bundle that was read and checked.

    Attributes:
        root: Its folder.
        manifest: Its manifest.
        labels: Class names in output order.
        input: The input contract.
        operating: From probabilities to decisions; arg-max where the bundle states nothing.

    Raises:
        InputError: The input contract or the operating point cannot be.
    """

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest
        self.labels = LabelMap(tuple(manifest.labels))
        self.input = InputSpec.from_dict(manifest.input)
        self.operating = manifest.operating or OperatingPoint()
        self.operating.check(self.labels)

    def variant(self, key: VariantKey) -> Variant:
        """The record of a variant.

        Raises:
            BundleError: The bundle does not hold it.
        """
        for variant in self.manifest.variants:
            if variant.key == key:
                return variant
        raise BundleError(
            "The bundle does not hold this variant.",
            path=self.root,
            expected=", ".join(str(v.key) for v in self.manifest.variants),
            found=str(key),
            remedy="choose one of the variants it holds with --variant",
        )

    def model_path(self, key: VariantKey) -> Path:
        """Path of a variant's graph file."""
        return _inside(self.root, self.variant(key).files[0].path)

    def file(self, relative: str) -> Path:
        """Path of a listed file.

        Raises:
            BundleError: The manifest does not list it.
        """
        if relative not in {f.path for f in self.manifest.files}:
            raise BundleError("The bundle does not list this file.", path=self.root, found=relative)
        return _inside(self.root, relative)

    def entries(self) -> list[FileEntry]:
        """Every file the manifest lists."""
        return [f for v in self.manifest.variants for f in v.files] + self.manifest.files


def read_bundle(
    path: str | Path, *, check_hashes: bool = True, allow_draft: bool = False
) -> Bundle:
    """Read a bundle and check it whole.

    Raises:
        BundleError: No bundle, a manifest that is not valid, a newer format, a path that leaves
            the folder, or a draft where only a verified bundle will do.
        IntegrityError: A file is absent or its bytes are not those the manifest states.
    """
    root = Path(path)
    manifest = _read_manifest(root)
    if manifest.status == "draft" and not allow_draft:
        raise BundleError(
            "This is an export that has not passed the gate.",
            path=root,
            remedy="run `edgefit verify`, `benchmark` and `bundle` on its run folder",
        )
    try:
        bundle = Bundle(root, manifest)
    except InputError as error:
        raise BundleError(
            error.message,
            path=root / MANIFEST,
            key=error.key,
            expected=error.expected,
            found=error.found,
            remedy="copy the bundle again, or install the edgefit release that wrote it",
        ) from error
    if bundle.labels.sha256 != manifest.labels_sha256:
        raise IntegrityError(
            "The class list does not have the hash that the manifest states.",
            path=root / MANIFEST,
            key="labels_sha256",
            expected=manifest.labels_sha256,
            found=bundle.labels.sha256,
        )
    for entry in bundle.entries():
        _check_entry(root, entry, check_hashes)
    if check_hashes and manifest_hash(manifest) != manifest.sha256:
        raise IntegrityError(
            "The manifest was changed: it does not have the hash that it states.",
            path=root / MANIFEST,
            key="sha256",
            expected=manifest.sha256 or "a hash",
            found=manifest_hash(manifest),
            remedy="copy the bundle again from where it was built",
        )
    return bundle


def manifest_hash(manifest: Manifest) -> str:
    """Hash over all that a manifest says, itself excepted."""
    facts = _dump(manifest)
    del facts["sha256"]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _dump(manifest: Manifest) -> dict[str, Any]:
    facts = manifest.model_dump(mode="json")
    if manifest.operating is None:  # then it is the very manifest that release 0.1 writes and reads
        del facts["operating"]
    return facts


def _read_manifest(root: Path) -> Manifest:
    manifest_path = root / MANIFEST
    if not manifest_path.is_file():
        raise BundleError(
            "No bundle is here.",
            path=root,
            expected=f"a folder with {MANIFEST}",
            found="a folder without it"
            if root.is_dir()
            else "nothing"
            if not root.exists()
            else "a file",
            remedy="give the folder that `edgefit build` printed as its bundle",
        )
    try:
        facts = json.loads(manifest_path.read_text(encoding="utf-8"))
        version = facts.get("format_version")
        if version != FORMAT_VERSION:
            raise BundleError(
                "The bundle has another format version.",
                path=manifest_path,
                expected=FORMAT_VERSION,
                found=version,
                remedy="install the edgefit release that wrote it, or build it again",
            )
        return Manifest.model_validate(facts)
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, RecursionError) as error:
        raise BundleError(
            "The manifest is not valid JSON.",
            path=manifest_path,
            found=str(error),
            remedy="copy the bundle again from where it was built",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise BundleError(
            "The manifest is not valid.",
            path=manifest_path,
            key=".".join(str(p) for p in first["loc"]),
            found=first["msg"],
            remedy="copy the bundle again from where it was built",
        ) from None


def _inside(root: Path, relative: str) -> Path:
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


def _check_entry(root: Path, entry: FileEntry, check_hashes: bool) -> None:
    target = _inside(root, entry.path)
    if not target.is_file():
        raise IntegrityError(
            "A file of the bundle is absent.", path=target, remedy="copy the bundle again"
        )
    found_size = target.stat().st_size
    if found_size != entry.size:
        raise IntegrityError(
            "A file of the bundle has another size than the manifest states.",
            path=target,
            expected=f"{entry.size} bytes",
            found=f"{found_size} bytes",
            remedy="copy the bundle again",
        )
    if check_hashes:
        found = sha256_of(target)
        if found != entry.sha256:
            raise IntegrityError(
                "A file of the bundle was changed: its hash is not the one the manifest states.",
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
    """The manifest entry of a file that lies in ``root``."""
    target = _inside(root, relative)
    return FileEntry(path=relative, sha256=sha256_of(target), size=target.stat().st_size)


def describe_files(root: Path, relatives: Iterable[str]) -> list[FileEntry]:
    """Manifest entries of several files."""
    return [describe_file(root, relative) for relative in relatives]


class BundleWriter:
    """Write a bundle so that it is complete or absent.

    ::

        with BundleWriter(target) as writer:
            ...                      # put files below writer.folder
            writer.finish(manifest)  # without this call nothing appears at the target

    Args:
        target: Where the bundle will be. An older bundle there is replaced at the very end;
            anything else there is refused. One writer at a time: what a killed writer left
            beside the target is removed.

    Raises:
        InputError: The target exists and is no bundle.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        if target.exists() and _has_content(target) and not _is_bundle(target):
            raise InputError(
                "The target exists and is no bundle; it is left alone.",
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
            _check_entry(self.folder, entry, check_hashes=True)
        facts = _dump(manifest)
        facts["sha256"] = manifest_hash(manifest)
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
    """Whether what lies here is ours to replace: other programs write a manifest.json too."""
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
