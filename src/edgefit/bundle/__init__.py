"""Write, read, hash and validate a bundle: the folder that goes to the device.

A bundle is complete or absent: :class:`BundleWriter` fills a hidden folder beside the target and
renames it at the end. Reading checks every hash; no path in a manifest may leave the folder.
``export`` writes a ``draft`` bundle: the same format, before the gate.
"""

from edgefit.bundle.files import describe_file, describe_files, sha256_of
from edgefit.bundle.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    FileEntry,
    Manifest,
    Variant,
    manifest_hash,
)
from edgefit.bundle.reading import Bundle, read_bundle
from edgefit.bundle.writing import BundleWriter

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST",
    "Bundle",
    "BundleWriter",
    "FileEntry",
    "Manifest",
    "Variant",
    "describe_file",
    "describe_files",
    "manifest_hash",
    "read_bundle",
    "sha256_of",
]
