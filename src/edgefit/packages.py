"""Which packages a role of edgefit needs, and which of them are installed.

The lists are those of ``pyproject.toml``, read from the metadata of the installed package or, where
edgefit is not installed, from the checkout, so nobody keeps a copy by hand.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;(?P<marker>.*))?$")
_EXTRA = re.compile(r"""extra\s*==\s*['"](?P<extra>[^'"]+)['"]""")
_PROJECT_FILE = Path(__file__).parents[2] / "pyproject.toml"
# packages whose import name differs from their own name
_MODULES = {"opencv-python-headless": "cv2", "pyyaml": "yaml", "scikit-learn": "sklearn"}


@functools.cache
def required_packages(role: str | None = None) -> tuple[str, ...] | None:
    """Names of the packages that a role needs, sorted.

    None where they are unknown: edgefit is neither installed nor run from a checkout.

    Args:
        role: An extra (``workshop``, ``openvino``), for the packages that it adds; None for those
            of every install.
    """
    try:
        lines = metadata.requires("edgefit") or []
    except metadata.PackageNotFoundError:
        return _required_by_checkout(role)
    found = [_REQUIREMENT.match(line) for line in lines]
    named = [(match["name"], _extra(match["marker"])) for match in found if match is not None]
    return _sorted_names(name for name, extra in named if extra == role)


def version_of(package: str) -> str | None:
    """Version of an installed package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def version_of_module(module: str) -> str | None:
    """Version of the installed package that provides a module; the first one if several do."""
    for package in _packages_by_module().get(module, ()):
        version = version_of(package)
        if version is not None:
            return version
    return None


def module_of(package: str) -> str:
    """The name under which a package is imported."""
    return _MODULES.get(package.lower(), package.replace("-", "_"))


def _required_by_checkout(role: str | None) -> tuple[str, ...] | None:
    if not _PROJECT_FILE.is_file():
        return None
    project = tomllib.loads(_PROJECT_FILE.read_text(encoding="utf-8")).get("project", {})
    if project.get("name") != "edgefit":  # a project that holds a copy of the source
        return None
    extras = project["optional-dependencies"]
    lines = project["dependencies"] if role is None else extras.get(role, [])
    found = [_REQUIREMENT.match(line) for line in lines]
    return _sorted_names(match["name"] for match in found if match is not None)


def _sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name.lower() for name in names))


def _extra(marker: str | None) -> str | None:
    match = _EXTRA.search(marker or "")
    return match["extra"] if match else None


@functools.cache
def _packages_by_module() -> dict[str, list[str]]:
    return {name: sorted(found) for name, found in metadata.packages_distributions().items()}
