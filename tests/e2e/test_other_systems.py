"""The program where Python has no fork, no /proc and no Linux-only calls, as on Windows.

It is the same Linux machine, so what differs in file systems and wheels is not tested here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgefit.bundle import read_bundle
from edgefit.data.synthetic import generate
from tests.e2e.program import REPOSITORY, document, edgefit, environment, lines

LACKING = Path(__file__).parent / "other_system"
FORBIDDEN = set('<>:"\\|?*')
RECIPE = r"""
name: tiny
data: {group: 'part_\d+'}
input: {width: 48, height: 48}
model: {backbone: squeezenet1_1, weights: none}
train: {epochs: 1, batch_size: 8, workers: 2}
evaluate: {resamples: 100}
export: {engines: [onnxruntime], precisions: [fp32], calibration_images: 8, golden_frames: 2}
verify: {max_drop: 100}
benchmark: {seconds: 0.1, rounds: 1}
"""


@pytest.fixture(autouse=True)
def other_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process that a test starts has what is left of Python there."""
    monkeypatch.setenv("PYTHONPATH", str(LACKING), prepend=os.pathsep)


def python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_the_processes_lack_what_the_tests_say(tmp_path: Path) -> None:
    code = """
import multiprocessing, os, signal
assert not hasattr(os, "fork") and not hasattr(os, "sched_getaffinity")
assert not hasattr(signal, "SIGCHLD") and multiprocessing.get_start_method() == "spawn"
for refused in ("import resource", "open('/proc/self/status')"):
    try:
        exec(refused)
    except (ImportError, FileNotFoundError):
        print("refused")
"""
    assert python(code, tmp_path).stdout.split() == ["refused", "refused"]


def test_every_module_is_imported(tmp_path: Path) -> None:
    source = REPOSITORY / "src"
    modules = [
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(source.rglob("*.py"))
        if path.name != "__main__.py"
    ]
    code = f"""
import importlib
for name in {modules!r}:
    importlib.import_module(name)
from edgefit.bench.machine import machine_fingerprint
from edgefit.bench.memory import peak_resident_mb, resident_mb
facts = machine_fingerprint()
assert facts.available_cores >= 1
assert peak_resident_mb() is None and resident_mb() > 0
print("imported")
"""
    result = python(code, tmp_path)
    assert result.stdout.strip() == "imported", result.stderr


@pytest.mark.slow
def test_a_build_and_what_follows_it(tmp_path: Path) -> None:
    images = generate(tmp_path / "images", images=48, size=48, classes=("good", "hole"))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    built = edgefit(
        "build", recipe, "--data", images, "--out", "run", "--quiet", "--json", cwd=tmp_path
    )
    assert built.returncode == 0, built.stderr
    bundle = tmp_path / "run" / "bundle"
    assert document(built)["bundle"]
    written = [path.relative_to(tmp_path / "run") for path in (tmp_path / "run").rglob("*")]
    assert [path for path in written if FORBIDDEN & set(str(path))] == []
    manifest = read_bundle(bundle).manifest
    stated = [file.path for variant in manifest.variants for file in variant.files]
    assert all("\\" not in path for path in [*stated, *(file.path for file in manifest.files)])

    answers = edgefit("predict", bundle, images / "good", "--quiet", cwd=tmp_path)
    assert answers.returncode == 0, answers.stderr
    assert all(line["error"] is None for line in lines(answers.stdout))
    tested = edgefit("verify", bundle, "--self-test", "--json", cwd=tmp_path)
    assert document(tested)["self_test"]["passed"]
    measured = edgefit(
        "benchmark", bundle, "--seconds", "0.1", "--rounds", "1", "--json", cwd=tmp_path
    )
    (variant,) = document(measured)["variants"]
    assert variant["error"] is None
    assert variant["peak_memory_mb"] is None
