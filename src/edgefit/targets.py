"""Targets: kinds of device a bundle may run on, read from ``export/targets/ID.yaml``.

``edgefit benchmark BUNDLE --target ID`` starts with a target's engines and threads.

A target states what is known about a device before anything is measured on it: which engines run,
how many threads to start with, which instructions int8 can use. It does not promise a speed.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgefit.errors import InputError
from edgefit.records.benchmark import Machine
from edgefit.resources import resource
from edgefit.spec import Engine

# Other systems name an architecture differently from `uname -m` on Linux.
_LINUX_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}


class Int8Support(BaseModel):
    """Hardware support for 8-bit arithmetic on a target.

    Attributes:
        cpu_features: Flags of ``/proc/cpuinfo`` for 8-bit dot products, any of which helps; empty
            where the processor family is too broad to say.
        note: What that means for the choice of a variant.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_features: tuple[str, ...]
    note: str


class Target(BaseModel):
    """One kind of device.

    Attributes:
        id: Name of the file without its suffix.
        title: The device's name as people write it.
        description: What kind of machine this is.
        architecture: What ``uname -m`` prints there.
        engines: Engines that can be installed there from wheels.
        threads: Threads to start with; None lets the engine use every core available to it.
        memory_mb: Total memory of a typical unit, MiB.
        wheel_platforms: ``--platform`` tags with which ``pip download`` finds wheels for it.
        int8: Hardware support for 8-bit arithmetic.
        notes: What else a user should know before measuring.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    title: str
    description: str
    architecture: Literal["x86_64", "aarch64"]
    engines: Annotated[tuple[Engine, ...], Field(min_length=1)]
    threads: Annotated[int, Field(gt=0)] | None
    memory_mb: Annotated[int, Field(gt=0)]
    wheel_platforms: Annotated[tuple[str, ...], Field(min_length=1)]
    int8: Int8Support
    notes: tuple[str, ...]

    def differences(self, machine: Machine) -> list[str]:
        """How a machine differs from this target, in sentences; empty where figures carry over.

        Where the system does not report the processor's instructions, a sentence says so.
        """
        found = []
        name = machine.architecture.lower()
        if _LINUX_NAMES.get(name, name) != self.architecture:
            found.append(
                f"This machine is {machine.architecture} and {self.title} is {self.architecture}: "
                "figures measured here do not apply to the target."
            )
        return found + self._instructions_lacking(machine.flags)

    def _instructions_lacking(self, flags: list[str] | None) -> list[str]:
        wanted = self.int8.cpu_features
        if not wanted:
            return []
        if flags is None:
            return [
                "This system does not report the processor's instructions, so it is unknown "
                f"whether it has {' or '.join(wanted)}."
            ]
        if set(wanted) & set(flags):
            return []
        return [f"This processor has none of {', '.join(wanted)}. {self.int8.note}"]


def list_targets() -> list[str]:
    """Ids of all targets, sorted."""
    return sorted(path.stem for path in resource("export", "targets").glob("*.yaml"))


def load_target(id: str) -> Target:
    """Read one target.

    Args:
        id: One of :func:`list_targets`. Close names are suggested, never accepted.

    Raises:
        InputError: There is no such target, or its file is not valid.
    """
    ids = list_targets()
    if id not in ids:
        close = difflib.get_close_matches(id, ids, n=3)
        raise InputError(
            "There is no target with this name.",
            key="target",
            expected=", ".join(ids),
            found=id,
            remedy=f"did you mean {' or '.join(close)}?" if close else "choose one of the names",
        )
    return _read_target(resource("export", "targets", f"{id}.yaml"))


def _read_target(path: Path) -> Target:
    try:
        target = Target.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise InputError("The target is not valid.", path=path, found=str(error).strip()) from error
    if target.id != path.stem:
        raise InputError(
            "The target's id differs from its file name.",
            path=path,
            key="id",
            expected=path.stem,
            found=target.id,
        )
    return target
