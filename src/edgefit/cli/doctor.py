"""``edgefit doctor``: what this machine can do, what is missing, and how to install it."""

from __future__ import annotations

import importlib.util

import typer
from pydantic import JsonValue

from edgefit.cli.output import JsonOption, print_json, print_table, say_next
from edgefit.packages import required_packages, version_of
from edgefit.records.benchmark import Machine
from edgefit.records.record import Part

_ROLES = ("device", "openvino", "workshop")


class Role(Part):
    """A use of edgefit on this machine.

    Attributes:
        missing: Packages that the role needs but that are not installed; None where it is unknown
            which packages it needs.
        install: The command that installs them.
    """

    missing: list[str] | None
    install: str

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return self.missing == []


class OnnxruntimeFound(Part):
    """What onnxruntime can use on this machine.

    Attributes:
        providers: Its execution providers.
    """

    providers: list[str]


class OpenvinoFound(Part):
    """What OpenVINO can use on this machine.

    Attributes:
        devices: Device -> its full name; empty if OpenVINO is not installed.
    """

    devices: dict[str, str]


class Engines(Part):
    """The engines and what they can use."""

    onnxruntime: OnnxruntimeFound
    openvino: OpenvinoFound


class Examination(Part):
    """Everything that ``doctor`` shows.

    Attributes:
        machine: This machine; its versions are among the packages.
        gpu: Names of the GPUs that torch can train on.
        packages: Package -> version, None if it is not installed.
        engines: The engines and what they can use.
        roles: ``device``, ``openvino``, ``workshop``.
    """

    machine: Machine
    gpu: list[str]
    packages: dict[str, str | None]
    engines: Engines
    roles: dict[str, Role]

    def machine_facts(self) -> dict[str, JsonValue]:
        """The machine without its versions, which are among the packages."""
        return {k: v for k, v in self.machine.to_json().items() if k != "versions"}

    def to_json(self) -> dict[str, JsonValue]:
        """JSON-ready facts."""
        return {**super().to_json(), "machine": self.machine_facts()}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(as_json: JsonOption = False) -> None:
    """Show engines, processor features, GPU and versions of this machine, and what is missing."""
    found = examine()
    if as_json:
        print_json(found.to_json())
        return
    rows = [[key, _text(value)] for key, value in found.machine_facts().items()]
    print_table("machine", ["", "found"], [*rows, ["gpu", _text(found.gpu)]])
    packages = [[name, version or "not installed"] for name, version in found.packages.items()]
    print_table("packages", ["package", "version"], packages)
    engines = [
        ["onnxruntime", f"providers: {_text(found.engines.onnxruntime.providers)}"],
        ["openvino", f"devices: {_text(found.engines.openvino.devices)}"],
    ]
    print_table("engines", ["engine", ""], engines)
    roles = [_role_row(*item) for item in found.roles.items()]
    print_table("roles", ["role", "ready", "missing"], roles)
    missing = [role.install for role in found.roles.values() if not role.ready]
    say_next(*(missing or ["edgefit demo"]))


def examine() -> Examination:
    """Examine this machine."""
    from edgefit.bench.machine import machine_fingerprint

    names = sorted({name for role in _ROLES for name in _packages(role) or ()})
    packages = {name: version_of(name) for name in names}
    return Examination(
        machine=machine_fingerprint(),
        gpu=_gpus(),
        packages=packages,
        engines=_engines(),
        roles={role: _role(role, packages) for role in _ROLES},
    )


def _packages(role: str) -> tuple[str, ...] | None:
    return required_packages(None if role == "device" else role)


def _role(role: str, packages: dict[str, str | None]) -> Role:
    needed = _packages(role)
    missing = None if needed is None else [name for name in needed if packages[name] is None]
    extra = "" if role == "device" else f"[{role}]"
    return Role(missing=missing, install=f'pip install "edgefit{extra}"')


def _role_row(name: str, role: Role) -> list[str]:
    if role.missing is None:
        return [name, "unknown", "unknown"]
    return [name, "yes" if role.ready else "no", ", ".join(role.missing) or "-"]


def _engines() -> Engines:
    import onnxruntime

    devices: dict[str, str] = {}
    if importlib.util.find_spec("openvino") is not None:
        from edgefit.runtime.engines.openvino import shared_core

        core = shared_core()
        devices = {d: core.get_property(d, "FULL_DEVICE_NAME") for d in core.available_devices}
    return Engines(
        onnxruntime=OnnxruntimeFound(providers=onnxruntime.get_available_providers()),
        openvino=OpenvinoFound(devices=devices),
    )


def _gpus() -> list[str]:
    """Names of the GPUs that torch can train on; empty without torch."""
    if importlib.util.find_spec("torch") is None:
        return []
    import torch

    if not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value) or "none"
    return "unknown" if value is None else str(value)
