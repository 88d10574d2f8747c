"""``edgefit doctor``: what this machine can do, and what is missing with the command for it."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from typing import Any

import typer

from edgefit.cli.output import JsonOption, print_json, print_table, say_next

_ROLES: dict[str, tuple[str, ...]] = {
    "device": (
        "numpy",
        "opencv-python-headless",
        "onnxruntime",
        "pydantic",
        "pyyaml",
        "typer",
        "rich",
    ),
    "openvino": ("openvino",),
    "workshop": (
        "torch",
        "torchvision",
        "lightning",
        "albumentations",
        "onnx",
        "onnxscript",
        "openvino",
        "nncf",
        "scikit-learn",
        "safetensors",
        "jinja2",
        "matplotlib",
    ),
}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(as_json: JsonOption = False) -> None:
    """Engines, processor features, GPU and versions of this machine; what is missing."""
    facts = examine()
    if as_json:
        print_json(facts)
        return
    machine = facts["machine"]
    rows = [[key, _text(value)] for key, value in machine.items()]
    rows += [["gpu", _text(facts["gpu"])]]
    print_table("machine", ["", "found"], rows)
    packages = [[name, version or "not installed"] for name, version in facts["packages"].items()]
    print_table("packages", ["package", "version"], packages)
    engines = [[name, _text(entry)] for name, entry in facts["engines"].items()]
    print_table("engines", ["engine", ""], engines)
    print_table(
        "roles", ["role", "ready", "missing"], [_role_row(*item) for item in facts["roles"].items()]
    )
    missing = [r["install"] for r in facts["roles"].values() if r["missing"]]
    if missing:
        say_next(*missing)
    else:
        say_next("edgefit demo")


def examine() -> dict[str, Any]:
    """All that ``doctor`` shows, JSON-ready."""
    from edgefit.bench.machine import machine_fingerprint

    names = sorted({name for role in _ROLES.values() for name in role})
    packages = {name: _version(name) for name in names}
    return {
        "machine": {k: v for k, v in machine_fingerprint().items() if k != "versions"},
        "gpu": _gpus(),
        "packages": packages,
        "engines": _engines(),
        "roles": {role: _role(role, packages) for role in _ROLES},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _role(role: str, packages: dict[str, str | None]) -> dict[str, Any]:
    missing = [name for name in _ROLES[role] if packages[name] is None]
    extra = "" if role == "device" else f"[{role}]"
    return {"missing": missing, "install": f'pip install "edgefit{extra}"'}


def _role_row(role: str, facts: dict[str, Any]) -> list[str]:
    return [role, "no" if facts["missing"] else "yes", ", ".join(facts["missing"]) or "-"]


def _engines() -> dict[str, Any]:
    import onnxruntime

    found: dict[str, Any] = {
        "onnxruntime": {"providers": onnxruntime.get_available_providers()},
        "openvino": {"devices": {}},
    }
    if importlib.util.find_spec("openvino") is not None:
        from edgefit.runtime.engines.openvino import shared_core

        core = shared_core()
        found["openvino"] = {
            "devices": {d: core.get_property(d, "FULL_DEVICE_NAME") for d in core.available_devices}
        }
    return found


def _gpus() -> list[str]:
    """Names of the GPUs that torch can train on; empty without torch."""
    if importlib.util.find_spec("torch") is None:
        return []
    import torch

    if not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value) or "none"
    return "unknown" if value is None else str(value)
