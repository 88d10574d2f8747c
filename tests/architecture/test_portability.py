"""What only some systems have is used where there is another way, and text files are UTF-8."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "edgefit"
FILES = [path.relative_to(SOURCE).as_posix() for path in sorted(SOURCE.rglob("*.py"))]

# Where each is used, and asked for first (hasattr, try, sys.platform).
NOT_EVERYWHERE = {
    "os.sched_getaffinity": {"runtime/cores.py"},
    "os.process_cpu_count": {"runtime/cores.py"},
    "os.getloadavg": set(),
    "os.fork": set(),
    "os.kill": set(),
    "os.killpg": set(),
    "os.uname": set(),
    "os.getuid": set(),
    "os.mkfifo": set(),
    "os.nice": set(),
    "os.symlink": set(),
    "signal.SIGCHLD": {"data/worker_processes.py"},
    "signal.pthread_sigmask": {"data/worker_processes.py"},
    "signal.SIG_BLOCK": {"data/worker_processes.py"},
    "signal.SIG_SETMASK": {"data/worker_processes.py"},
    "signal.SIGKILL": set(),
    "signal.SIGHUP": {"runtime/stopping.py"},
    "signal.SIGALRM": set(),
    "signal.SIGUSR1": set(),
    "signal.alarm": set(),
}
NOT_EVERYWHERE_MODULES = {
    "resource": {"bench/memory.py"},
    "fcntl": {"runtime/watch/locking.py"},
    "pwd": set[str](),
    "grp": set[str](),
    "termios": set[str](),
}
WRITES_TEXT = {"read_text", "write_text"}


def _nodes(name: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse((SOURCE / name).read_text(encoding="utf-8")))


def _opens_text(call: ast.Call) -> bool:
    """Whether a call opens a file as text: no ``b`` in its mode."""
    function = call.func
    if isinstance(function, ast.Attribute):
        if function.attr in WRITES_TEXT:
            return True
        is_of_os = isinstance(function.value, ast.Name) and function.value.id == "os"
        if function.attr not in ("open", "fdopen") or (is_of_os and function.attr == "open"):
            return False
        position = 1 if function.attr == "fdopen" else 0
    elif isinstance(function, ast.Name) and function.id == "open":
        position = 1
    else:
        return False
    modes = [k.value for k in call.keywords if k.arg == "mode"] or call.args[position:][:1]
    if position == 0 and modes and not isinstance(modes[0], ast.Constant):
        return False  # a method of something else than a path, such as an archive's
    return not any(isinstance(m, ast.Constant) and "b" in str(m.value) for m in modes)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("open(path)", True),
        ("open(path, 'w')", True),
        ("open(path, 'rb')", False),
        ("open(path, mode='wb')", False),
        ("path.open()", True),
        ("(root / name).open('w')", True),
        ("path.open('rb')", False),
        ("archive.open(member)", False),
        ("path.read_text()", True),
        ("path.write_text('x')", True),
        ("path.write_bytes(b'x')", False),
        ("os.open(os.devnull, os.O_WRONLY)", False),
        ("os.fdopen(handle, 'w')", True),
    ],
)
def test_calls_that_open_text_are_known(code: str, expected: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    assert _opens_text(call) is expected


@pytest.mark.parametrize("name", FILES)
def test_text_files_are_opened_as_utf_8(name: str) -> None:
    without = [
        node.lineno
        for node in _nodes(name)
        if isinstance(node, ast.Call)
        and _opens_text(node)
        and not any(k.arg == "encoding" for k in node.keywords)
    ]
    assert without == [], "Windows would take an encoding of its own: say encoding="


def test_what_some_systems_lack_is_used_only_where_there_is_another_way() -> None:
    used: dict[str, set[str]] = {name: set() for name in (*NOT_EVERYWHERE, *NOT_EVERYWHERE_MODULES)}
    for name in FILES:
        for node in _nodes(name):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found = [f"{node.value.id}.{node.attr}"]
            elif isinstance(node, ast.Import):
                found = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for item in found:
                if item in used:
                    used[item].add(name)
    assert used == NOT_EVERYWHERE | NOT_EVERYWHERE_MODULES
