"""Lists of packages come from the metadata of the installed package, or from the checkout."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefit import packages
from edgefit.packages import module_of, required_packages, version_of, version_of_module

LINES = [
    "numpy>=1.26",
    "PyYAML>=6",
    "openvino>=2025.1; extra == 'openvino'",
    'scikit-learn>=1.5; python_version > "3" and extra == "workshop"',
    "torch==2.11; extra == 'workshop'",
]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(metadata, "requires", lambda name: LINES)
    required_packages.cache_clear()
    yield
    required_packages.cache_clear()


def test_packages_are_listed_by_role(given: None) -> None:
    assert required_packages() == ("numpy", "pyyaml")
    assert required_packages("openvino") == ("openvino",)
    assert required_packages("workshop") == ("scikit-learn", "torch")
    assert required_packages("kitchen") == ()


def test_every_line_of_the_project_file_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    project: dict[str, Any] = tomllib.loads(text)["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["workshop"]]
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    required_packages.cache_clear()
    found = required_packages()
    required_packages.cache_clear()
    assert len(found) == len(lines)
    assert {"numpy", "psutil", "opencv-python-headless", "jinja2", "scikit-learn"} <= set(found)


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def absent(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", absent)
    required_packages.cache_clear()
    yield
    required_packages.cache_clear()


def test_without_an_install_the_checkout_lists_the_packages(not_installed: None) -> None:
    base, workshop = required_packages(), required_packages("workshop")
    assert base is not None and {"numpy", "opencv-python-headless", "typer"} <= set(base)
    assert workshop is not None and {"torch", "albumentations", "scikit-learn"} <= set(workshop)
    assert not set(base) & set(workshop)
    assert required_packages("openvino") == ("openvino",)
    assert required_packages("kitchen") == ()


@pytest.mark.parametrize("text", [None, '[project]\nname = "other"\n', "[tool.ruff]\n"])
def test_without_install_and_checkout_the_packages_are_unknown(
    not_installed: None, text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_file = tmp_path / "pyproject.toml"
    if text is not None:
        project_file.write_text(text, encoding="utf-8")
    monkeypatch.setattr(packages, "_PROJECT_FILE", project_file)
    assert required_packages() is required_packages("workshop") is None


def test_versions_by_package_and_by_module(monkeypatch: pytest.MonkeyPatch) -> None:
    assert version_of("numpy") == version_of_module("numpy") == np.__version__
    assert version_of("no-such-package") is version_of_module("no_such_module") is None
    assert version_of_module("cv2") is not None
    monkeypatch.setattr(packages, "_packages_by_module", lambda: {"cv2": ["gone", "numpy"]})
    assert version_of_module("cv2") == np.__version__


def test_names_to_import() -> None:
    assert module_of("scikit-learn") == "sklearn"
    assert module_of("openvino-model-api") == "openvino_model_api"
    assert module_of("torch") == "torch"
