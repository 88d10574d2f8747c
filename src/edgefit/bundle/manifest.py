"""What a bundle says about itself: its files, variants and hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    JsonValue,
    PlainSerializer,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from edgefit.spec import RULES, Engine, Precision, Rule, Task, VariantKey, known_task

FORMAT_VERSION = 3
"""The format that is written; :mod:`edgefit.bundle.formats` converts older formats to it."""
MANIFEST = "manifest.json"
INSIDE = "inside"
"""Key in the context of a validation error: the path from its location to the wrong value."""


class _Record(BaseModel):
    # "constants": a NaN must reach json.dumps, which refuses it, and not turn into a null
    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), ser_json_inf_nan="constants"
    )


def _rule(value: object) -> object:
    """Read a rule with the type that its kind names; ``RULES`` may hold more kinds later."""
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    if not isinstance(kind, str | None):
        raise _wrong_rule("the kind of a rule is text", ["kind"])
    if kind is None or kind not in RULES:
        raise ValueError(f"no rule has the kind {kind!r}; expected {' or '.join(RULES)}")
    holder: Any = create_model("Holder", __base__=_Record, rule=(RULES[Task(kind)], ...))
    try:
        return holder.model_validate({"rule": value}).rule
    except ValidationError as error:
        first = error.errors()[0]
        raise _wrong_rule(first["msg"], list(first["loc"][1:])) from None


def _wrong_rule(message: str, inside: list[int | str]) -> PydanticCustomError:
    # pydantic drops the location of an error that is raised inside a validator
    return PydanticCustomError("rule", "{message}", {"message": message, INSIDE: inside})


TaggedRule = Annotated[
    InstanceOf[Rule], BeforeValidator(_rule), PlainSerializer(asdict, when_used="json")
]
"""A rule as a manifest stores it: JSON whose ``kind`` says which type reads it."""


class FileEntry(_Record):
    """One file of a bundle: its path inside the bundle, its hash, and its size in bytes."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Variant(_Record):
    """One engine at one precision.

    Attributes:
        files: The graph first, then the files it needs (OpenVINO's ``.bin``).
        metrics: Held-out metrics of this exact file: name -> value, low, high.
        gate: What the gate measured for it.
        benchmark: Latency, throughput and memory on the machine named in the manifest.
        quantization: How an int8 variant was made.
    """

    engine: Engine
    precision: Precision
    files: list[FileEntry] = Field(min_length=1)
    # free-form: each task has its own metrics and verdicts, and old bundles keep theirs
    metrics: dict[str, Any] = {}
    gate: dict[str, Any] = {}
    benchmark: dict[str, JsonValue] = {}
    quantization: dict[str, JsonValue] = {}

    @property
    def key(self) -> VariantKey:
        """Engine and precision."""
        return VariantKey(self.engine, self.precision)

    @property
    def size(self) -> int:
        """Total size of its files, bytes."""
        return sum(f.size for f in self.files)


class Manifest(_Record):
    """What ``manifest.json`` holds, in the form of :data:`FORMAT_VERSION`.

    Attributes:
        format_version: Version of the file it was read from; the newest version is written.
        status: ``draft`` before the gate, ``verified`` after it.
        operating: From outputs to decisions, tagged with its ``kind``; None for the task's plain
            rule.
        recommended: The fastest variant that passed, as measured on the machine that built the
            bundle: ``default`` over all engines, and one per engine for devices that have only it.
        files: All other files: golden frames, verify.json, report, card.
        lineage: Recipe, data fingerprint, hash of the base weights, versions, seed.
        sha256: Hash over all other fields; :class:`BundleWriter` sets it. It reveals damage; it is
            not a signature.
    """

    format_version: int
    status: Literal["draft", "verified"]
    name: str
    task: Annotated[Task, AfterValidator(known_task)]
    labels: list[str]
    labels_sha256: str
    input: dict[str, Any]  # checked by InputSpec.from_dict
    temperature: float = Field(default=1.0, gt=0)
    operating: TaggedRule | None = None
    variants: list[Variant] = Field(min_length=1)
    recommended: dict[str, str] = {}
    files: list[FileEntry] = []
    lineage: dict[str, Any] = {}  # free-form: it holds the recipe of the release that built it
    sha256: str = ""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        keys = [str(v.key) for v in self.variants]
        paths = [f.path for f in [f for v in self.variants for f in v.files] + self.files]
        for what, names in (("labels", self.labels), ("variants", keys), ("files", paths)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} are listed twice: {', '.join(twice)}")
        absent = sorted(set(self.recommended.values()) - set(keys))
        if absent:
            raise ValueError(f"recommended names missing variants: {', '.join(absent)}")
        return self


def manifest_hash(facts: Mapping[str, JsonValue]) -> str:
    """Hash over a manifest's JSON of any format, without its own hash."""
    others = {key: value for key, value in facts.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def manifest_facts(manifest: Manifest) -> dict[str, JsonValue]:
    """The JSON-ready facts that are written to the file and hashed."""
    return manifest.model_dump(mode="json") | {"format_version": FORMAT_VERSION}
