"""Libraries that take long to load are imported inside functions, in every room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "edgefit"
FILES = [path.relative_to(SOURCE).as_posix() for path in sorted(SOURCE.rglob("*.py"))]
# ruff allows torch and what belongs to it at the top of a few rooms (TID253); these nowhere.
LAZY = {"albumentations", "matplotlib", "nncf", "openvino", "scipy", "sklearn"}
TYPING = {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def _runs_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: all but functions and ``if TYPE_CHECKING`` blocks."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test) in TYPING:
            for branch in child.orelse:
                yield branch
                yield from _runs_on_import(branch)
            continue
        yield child
        yield from _runs_on_import(child)


def _lazy_ones(code: str) -> list[str]:
    """The lazy libraries that a module imports at its own import, as ``line: library``."""
    found = []
    for node in _runs_on_import(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        roots = [name.partition(".")[0] for name in names]
        found += [f"{node.lineno}: {root}" for root in roots if root in LAZY]
    return found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import nncf", ["1: nncf"]),
        ("import os, scipy.stats as s", ["1: scipy"]),
        ("from sklearn.svm import SVC", ["1: sklearn"]),
        ("try:\n    import openvino\nexcept ImportError:\n    pass", ["2: openvino"]),
        ("class A:\n    import matplotlib", ["2: matplotlib"]),
        ("if x:\n    import albumentations", ["2: albumentations"]),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import nncf", ["4: nncf"]),
        ("if not TYPE_CHECKING:\n    import nncf", ["2: nncf"]),
        ("if TYPE_CHECKING:\n    from matplotlib.axes import Axes", []),
        ("if typing.TYPE_CHECKING:\n    import scipy", []),
        ("def f():\n    import nncf", []),
        ("class A:\n    async def f(self):\n        import nncf", []),
        ("from .openvino import open_model", []),
        ("from edgefit.quantize import openvino", []),
        ("import torch, onnx", []),
    ],
)
def test_imports_of_a_module_are_told_from_those_of_its_functions(
    code: str, expected: list[str]
) -> None:
    assert _lazy_ones(code) == expected


@pytest.mark.parametrize("name", FILES)
def test_no_room_imports_them_with_the_module(name: str) -> None:
    assert _lazy_ones((SOURCE / name).read_text(encoding="utf-8")) == []
