"""What a bundle says of itself: its files, variants and hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edgefit.spec import (
    Engine,
    Enlarge,
    InputSpec,
    OperatingPoint,
    Precision,
    Task,
    VariantKey,
    known_task,
)

FORMAT_VERSION = 2
"""The newest format that is read and written."""
PLAIN_FORMAT_VERSION = 1
"""What is written where release 0.1 understands the input contract; it knows bilinear enlarging
only, and would not see that a contract says otherwise."""
MANIFEST = "manifest.json"


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
    task: Annotated[Task, AfterValidator(known_task)]
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


def format_version_of(spec: InputSpec) -> int:
    """The oldest format version whose readers bring frames to size as ``spec`` says."""
    return PLAIN_FORMAT_VERSION if spec.enlarge == Enlarge.BILINEAR else FORMAT_VERSION


def manifest_hash(manifest: Manifest) -> str:
    """Hash over all that a manifest says, itself excepted."""
    facts = manifest_facts(manifest)
    del facts["sha256"]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def manifest_facts(manifest: Manifest) -> dict[str, Any]:
    """What is written to the file and hashed; JSON-ready."""
    facts = manifest.model_dump(mode="json")
    if manifest.operating is None:  # release 0.1 reads a manifest only without this key
        del facts["operating"]
    else:
        del facts["operating"]["kind"]
    return facts
