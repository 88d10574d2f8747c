"""The wheel in an empty environment, outside the checkout: all that a device has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import REPOSITORY, Built, Result, document, edgefit, lines

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("EDGEFIT_OFFLINE") == "1",
        reason="EDGEFIT_OFFLINE=1: the device's packages cannot be installed",
    ),
]
OF_THE_WORKSHOP = (
    *("torch", "torchvision", "lightning", "albumentations", "nncf", "onnx", "onnxscript"),
    *("openvino", "sklearn", "scipy", "safetensors", "jinja2", "matplotlib", "PIL"),
)
LARGEST_MB = 450


@dataclass(frozen=True)
class Device:
    """An environment with the wheel and what it asks for.

    Attributes:
        root: Folder of the environment.
        home: Where commands run: an empty folder.
    """

    root: Path
    home: Path

    def run(self, *command: str | Path) -> Result:
        """Run a program of the environment; none of the tests' own packages are in reach."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        program = self.root / "bin" / command[0]
        return subprocess.run(
            [program, *command[1:]],
            cwd=self.home,
            env=kept | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def python(self, code: str) -> Any:
        """What a line of Python prints, read as JSON."""
        result = self.run("python", "-c", f"import json; print(json.dumps({code}))")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def megabytes(self) -> float:
        """Size of all installed packages, installers left out."""
        (packages,) = self.root.glob("lib/python3*/site-packages")
        installers = ("pip", "setuptools", "pkg_resources", "_distutils_hack")
        files = [p for p in packages.rglob("*") if p.is_file() and not p.is_symlink()]
        own = [p for p in files if not p.relative_to(packages).parts[0].startswith(installers)]
        return sum(p.stat().st_size for p in own) / 1e6


def done(*command: str | Path, cwd: Path) -> None:
    result = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=500)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what it is made of."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("src", "models", "export"):
        shutil.copytree(
            REPOSITORY / name, tree / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(REPOSITORY / name, tree / name)
    done(sys.executable, "-m", "build", "--wheel", "--no-isolation", cwd=tree)
    (built,) = (tree / "dist").iterdir()
    return built


@pytest.fixture(scope="module")
def device(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Device:
    """A new environment with the base install."""
    folder = tmp_path_factory.mktemp("device")
    root, home = folder / "venv", folder / "home"
    home.mkdir()
    done(sys.executable, "-m", "venv", root, cwd=folder)
    pip = (root / "bin" / "python", "-m", "pip", "install", "--quiet")
    versions = ("--constraint", REPOSITORY / "constraints.txt")
    done(*pip, "--disable-pip-version-check", "--no-compile", *versions, wheel, cwd=folder)
    return Device(root, home)


def test_base_install_is_small_and_has_nothing_of_the_workshop(
    device: Device, wheel: Path, record_property: Any
) -> None:
    found = device.python(
        f"[n for n in {OF_THE_WORKSHOP} if __import__('importlib.util').util.find_spec(n)]"
    )
    assert found == []
    size = device.megabytes()
    record_property("device_megabytes", round(size))
    print(f"\nthe device's packages: {size:.0f} MB; wheel: {wheel.stat().st_size / 1e6:.2f} MB")  # noqa: T201
    assert size < LARGEST_MB


def test_recipes_targets_and_cards_are_in_the_wheel(device: Device) -> None:
    place = "__import__('edgefit.resources').resources.resource"
    recipe = Path(device.python(f"str({place}('models', 'road-signs', 'recipe.yaml'))"))
    assert recipe.is_relative_to(device.root)
    assert recipe.read_text() == (REPOSITORY / "models/road-signs/recipe.yaml").read_text()
    for folder in ("models", "export"):
        carried = Path(device.python(f"str({place}('{folder}'))"))
        ours = {p.relative_to(REPOSITORY / folder) for p in (REPOSITORY / folder).rglob("*.*")}
        theirs = {p.relative_to(carried) for p in carried.rglob("*.*")}
        assert theirs == ours


def test_doctor_says_what_is_there_and_what_installs_the_rest(device: Device) -> None:
    facts = document(device.run("edgefit", "doctor", "--json"))
    assert facts["roles"]["device"]["missing"] == []
    assert facts["roles"]["openvino"] == {
        "missing": ["openvino"],
        "install": 'pip install "edgefit[openvino]"',
    }
    assert "torch" in facts["roles"]["workshop"]["missing"]
    assert "CPUExecutionProvider" in facts["engines"]["onnxruntime"]["providers"]
    assert facts["engines"]["openvino"]["devices"] == {}
    shown = device.run("edgefit", "doctor")
    assert shown.returncode == 0, shown.stderr
    assert 'pip install "edgefit[workshop]"' in shown.stderr


def test_self_test_passes_with_the_engine_that_is_there(device: Device, bundle_copy: Path) -> None:
    result = device.run("edgefit", "verify", bundle_copy, "--self-test", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    tested = document(result)["self_test"]
    assert tested["passed"]
    assert tested["frames"] == 4
    for name, entry in tested["variants"].items():
        runs = name.startswith("onnxruntime/")
        assert entry["status"] == ("passed" if runs else "not installed")
        assert runs or entry["remedy"] == 'pip install "edgefit[openvino]"'


def test_answers_are_those_of_the_workshop(
    device: Device, built: Built, bundle_copy: Path, tmp_path: Path
) -> None:
    source = ("predict", bundle_copy, built.pictures / "hole", "--quiet")
    one = ("--variant", "onnxruntime/fp32")
    here = lines(edgefit(*source, *one, cwd=tmp_path).stdout)
    there = device.run("edgefit", *source, *one)
    assert there.returncode == 0, there.stderr
    found = lines(there.stdout)
    assert len(found) == len(here) > 10
    for ours, theirs in zip(here, found, strict=True):
        assert (ours["name"], ours["label"]) == (theirs["name"], theirs["label"])
        if ours["error"] is None:
            assert ours["confidence"] == pytest.approx(theirs["confidence"], abs=1e-5)
    default = device.run("edgefit", *source)
    assert default.returncode == 0, default.stderr
    assert len(lines(default.stdout)) == len(here)


def test_benchmark_measures_what_can_run(device: Device, bundle_copy: Path) -> None:
    quick = ("--seconds", "0.1", "--rounds", "1", "--json")
    one = ("benchmark", bundle_copy, "--variant", "onnxruntime/fp32", *quick)
    result = device.run("edgefit", *one)
    assert result.returncode == 0, result.stdout + result.stderr
    facts = document(result)
    (entry,) = facts["variants"]
    assert entry["variant"] == "onnxruntime/fp32"
    assert 0 < entry["latency_ms"]["p50"] <= entry["latency_ms"]["p90"]
    assert facts["recommendation"]["variant"] == "onnxruntime/fp32"


def test_an_engine_that_is_absent_is_named_with_its_command(
    device: Device, bundle_copy: Path
) -> None:
    variant = ("--variant", "openvino/fp32")
    for verb in (("predict", bundle_copy, bundle_copy / "golden"), ("benchmark", bundle_copy)):
        result = device.run("edgefit", *verb, *variant)
        told = " ".join(result.stderr.split())
        assert result.returncode == 2
        assert 'pip install "edgefit[openvino]"' in told
        assert "Traceback" not in result.stderr


def test_a_data_set_is_checked_without_the_training_packages(device: Device, built: Built) -> None:
    arguments = (built.recipe, "--data", built.pictures, "--out", "checked", "--json")
    result = device.run("edgefit", "check", *arguments)
    assert result.returncode == 0, result.stderr
    assert document(result)["images"] == 96
    shutil.rmtree(device.home / "checked")


@pytest.mark.parametrize("verb", ["build", "train", "demo"])
def test_a_verb_of_the_workshop_says_how_to_install_it(
    device: Device, built: Built, verb: str
) -> None:
    named = () if verb == "demo" else (built.recipe, "--data", built.pictures)
    result = device.run("edgefit", verb, *named, "--out", "run", "--json")
    assert result.returncode == 2
    facts = document(result)
    assert facts["error"] == "MissingDependencyError"
    assert facts["remedy"] == 'pip install "edgefit[workshop]"'
    assert "Traceback" not in result.stderr
    assert list(device.home.iterdir()) == []
