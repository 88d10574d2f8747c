"""Each module of ``src`` has its test at the mirrored path, or is listed here with where it is.

``src/edgefit/data/split.py`` is tested by ``tests/unit/data/test_split.py``; a package whose
``__init__.py`` defines something, such as ``data/formats``, by ``tests/unit/data/test_formats.py``.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "src" / "edgefit"

GATE = "tests/e2e/test_build.py"
DEVICE = "tests/e2e/test_device.py"
WRONG = "tests/unit/cli/test_wrong_input.py"
FILES = "tests/unit/stages/test_operating_point.py"
CONTRACT = "tests/contract/test_task_contract.py"
ENGINES = "tests/contract/test_engine_contract.py"

# Module -> the test that fails where the module is wrong. A new module gets a test of its own.
ELSEWHERE = {
    # the door, held by an inventory of its names
    "__init__.py": "tests/architecture/test_public_api.py",
    "__main__.py": "tests/e2e/program.py",
    # verbs whose whole work is to call a stage and to print its record
    "cli/build.py": GATE,
    "cli/bundle.py": WRONG,
    "cli/demo.py": "tests/e2e/test_demo.py",
    "cli/evaluate.py": "tests/unit/stages/test_calibrate.py",
    "cli/export.py": WRONG,
    "cli/learning_curve.py": "tests/unit/studies/test_learning_curve.py",
    "cli/retention.py": "tests/unit/stages/test_retention.py",
    "cli/train.py": "tests/unit/cli/test_refused_commands.py",
    # parts of a task's rules, metrics and report, and what a room asks of a task
    "metrics/tasks/task.py": CONTRACT,
    "operating/tasks/task.py": CONTRACT,
    "report/class_limits.py": "tests/unit/report/test_sections.py",
    "report/tasks/classification.py": "tests/unit/report/test_write.py",
    # stages: each runs in a whole build, and what it refuses is in the end-to-end cases
    "stages/stage.py": "tests/unit/stages/test_runner.py",
    # records: those of real runs are loaded and dumped in one place
    "records/export.py": GATE,
    "records/passed_over.py": "tests/unit/data/test_passed_over.py",
    "spec/links.py": "tests/unit/runtime/test_walking.py",
    "records/selftest.py": "tests/unit/runtime/test_selftest.py",
    # parts of a larger module that is tested whole
    "data/formats/reading.py": "tests/unit/data/formats/test_folder.py",
    "data/worker_imports.py": "tests/unit/data/test_worker_processes.py",
    "data/tasks/classification.py": "tests/unit/data/test_table.py",
    "data/tasks/task.py": CONTRACT,
    "evaluate/retention.py": "tests/unit/stages/test_retention.py",
    "operating/chosen.py": "tests/unit/stages/test_calibrate.py",
    "quantize/calibration_set.py": FILES,
    "recipe/tasks/classification.py": "tests/unit/recipe/test_recipe.py",
    "recipe/tasks/task.py": CONTRACT,
    "report/row.py": "tests/unit/report/test_sections.py",
    # the device: contracts that hold for every engine and every task
    "runtime/engines/onnxruntime.py": ENGINES,
    "runtime/engines/openvino.py": ENGINES,
    "export/tasks/task.py": CONTRACT,
    "runtime/answers.py": "tests/unit/runtime/sinks/answers.py",
    "runtime/sources/connection.py": "tests/unit/runtime/sources/test_reader.py",
    "runtime/sources/containers/extent.py": "tests/unit/runtime/sources/test_containers.py",
    "runtime/sources/options.py": "tests/unit/runtime/sources/test_follow.py",
    "runtime/sources/source.py": "tests/unit/runtime/test_sources.py",
    "runtime/tasks/prototypes.py": FILES,
    "runtime/voice.py": "tests/unit/runtime/watch/test_loop.py",
    "runtime/tasks/task.py": CONTRACT,
    # training: what the loop is made of
    "train/phases/full.py": "tests/unit/stages/test_train.py",
    "train/phases/interpolation.py": "tests/unit/stages/test_train.py",
    "train/phases/phase.py": "tests/unit/stages/test_train.py",
    "train/phases/probe.py": "tests/unit/stages/test_train.py",
    "train/tasks/task.py": CONTRACT,
}


def _defines_something(path: Path) -> bool:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)


MODULES = [
    path.relative_to(SOURCE).as_posix()
    for path in sorted(SOURCE.rglob("*.py"))
    if path.name != "__init__.py" or _defines_something(path)
]


def _mirrored(module: str) -> Path:
    path = Path(module)
    if path.name == "__init__.py":
        path = path.parent.with_suffix(".py") if path.parent.name else Path("edgefit.py")
    return REPOSITORY / "tests" / "unit" / path.with_name(f"test_{path.name}")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_test_at_the_mirrored_path_or_is_listed(module: str) -> None:
    here = _mirrored(module).relative_to(REPOSITORY)
    if module in ELSEWHERE:
        assert not (REPOSITORY / here).is_file(), f"{module} has a test now: take it off the list"
    else:
        assert (REPOSITORY / here).is_file(), f"write {here}, or list {module} with its test"


def test_the_list_names_modules_and_tests_that_exist() -> None:
    assert [module for module in ELSEWHERE if module not in MODULES] == []
    assert [test for test in ELSEWHERE.values() if not (REPOSITORY / test).is_file()] == []


def test_a_test_at_a_mirrored_path_has_its_module() -> None:
    """A test file of a room is named for a module of the room, or for what several do together."""
    mirrored = {_mirrored(module) for module in MODULES}
    rooms = {path.parent for path in mirrored}
    loose = [
        path.relative_to(REPOSITORY).as_posix()
        for room in sorted(rooms)
        for path in sorted(room.glob("test_*.py"))
        if path not in mirrored and path.relative_to(REPOSITORY).as_posix() not in TOGETHER
    ]
    assert loose == []
    assert [test for test in TOGETHER if not (REPOSITORY / test).is_file()] == []


# Tests of what several modules do together.
TOGETHER = (
    "tests/unit/bundle/test_formats.py",
    "tests/unit/cli/test_refused_commands.py",
    "tests/unit/cli/test_wrong_input.py",
    "tests/unit/data/test_documented_layouts.py",
    "tests/unit/data/test_leaks.py",
    "tests/unit/data/test_real_sets.py",
    "tests/unit/export/test_features_output.py",
    "tests/unit/runtime/sinks/test_kills.py",
    "tests/unit/runtime/watch/test_power_cuts.py",
    "tests/unit/stages/test_operating_point.py",
    "tests/unit/test_device_kit.py",
    "tests/unit/train/test_tasks.py",
    "tests/unit/train/penalties/test_penalties_in_training.py",
)
