"""Read a bundle and check it whole: format, paths, sizes and hashes."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from edgefit.bundle.files import check_entry, inside
from edgefit.bundle.formats import READABLE, to_newest
from edgefit.bundle.manifest import (
    INSIDE,
    MANIFEST,
    FileEntry,
    Manifest,
    Variant,
    manifest_hash,
)
from edgefit.errors import BundleError, InputError, IntegrityError
from edgefit.spec import RULES, InputSpec, LabelMap, Rule, VariantKey


class Bundle:
    """A bundle that was read and checked.

    >>> import edgefit
    >>> bundle = edgefit.read_bundle("run/bundle")
    >>> bundle.labels.names
    ('good', 'hole', 'stain')
    >>> bundle.manifest.recommended["default"] in [str(v.key) for v in bundle.manifest.variants]
    True

    Attributes:
        root: Its folder.
        manifest: Its manifest.
        labels: Class names in output order.
        input: The input contract.
        operating: From outputs to decisions; the task's plain rule where the bundle states none.

    Raises:
        InputError: The input contract or the operating point is not valid, or the operating point
            belongs to another task.
    """

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root = root
        self.manifest = manifest
        self.labels = LabelMap(tuple(manifest.labels))
        self.input = InputSpec.from_dict(manifest.input)
        self.operating: Rule = manifest.operating or RULES[manifest.task].plain()
        if self.operating.kind != manifest.task:
            raise InputError(
                "The operating point belongs to another task.",
                key="operating.kind",
                expected=manifest.task,
                found=self.operating.kind,
            )
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
        return inside(self.root, self.variant(key).files[0].path)

    def file(self, relative: str) -> Path:
        """Path of a listed file.

        Raises:
            BundleError: The manifest does not list it.
        """
        if relative not in {f.path for f in self.manifest.files}:
            raise BundleError("The bundle does not list this file.", path=self.root, found=relative)
        return inside(self.root, relative)

    def entries(self) -> list[FileEntry]:
        """Every file the manifest lists."""
        return [f for v in self.manifest.variants for f in v.files] + self.manifest.files


def read_bundle(
    path: str | Path, *, check_hashes: bool = True, allow_draft: bool = False
) -> Bundle:
    """Read a bundle and check it whole.

    Raises:
        BundleError: There is no bundle, the manifest is not valid, its format is newer, a path
            leaves the folder, or the bundle is a draft and ``allow_draft`` is false.
        IntegrityError: A file is missing, or its bytes do not match the manifest.
    """
    root = Path(path)
    manifest, sha256 = _read_manifest(root)
    if manifest.status == "draft" and not allow_draft:
        raise BundleError(
            "This export has not passed the gate.",
            path=root,
            remedy="run `edgefit verify RUN`, `edgefit benchmark RUN` and `edgefit bundle RUN` "
            "on its run folder",
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
            "The class list does not match its hash in the manifest.",
            path=root / MANIFEST,
            key="labels_sha256",
            expected=manifest.labels_sha256,
            found=bundle.labels.sha256,
        )
    for entry in bundle.entries():
        check_entry(root, entry, check_hashes)
    if check_hashes and sha256 != manifest.sha256:
        raise IntegrityError(
            "The manifest was changed: its content does not match its hash.",
            path=root / MANIFEST,
            key="sha256",
            expected=manifest.sha256 or "a hash",
            found=sha256,
            remedy="copy the bundle again from where it was built",
        )
    return bundle


def _read_manifest(root: Path) -> tuple[Manifest, str]:
    """The manifest in its newest form, and the hash of what the file holds."""
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
        if version not in READABLE:
            raise BundleError(
                "This release does not read the bundle's format version.",
                path=manifest_path,
                expected=" or ".join(map(str, READABLE)),
                found=version,
                remedy="install the edgefit release that wrote it, or build it again",
            )
        return Manifest.model_validate(to_newest(facts)), manifest_hash(facts)
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
            key=".".join(str(p) for p in [*first["loc"], *first.get("ctx", {}).get(INSIDE, [])]),
            found=first["msg"],
            remedy="copy the bundle again from where it was built",
        ) from None
