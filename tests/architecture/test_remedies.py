"""Every command, option, recipe key, extra and make target that a message names exists.

The texts are collected from the source itself, so a new remedy is checked without a list to keep.
"""

from __future__ import annotations

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from edgefit.cli.main import UsageProblem, app
from edgefit.recipe import Recipe

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "src" / "edgefit"
PROGRAM: Any = typer.main.get_command(app)
STAGES = ("check", "train", "calibrate", "evaluate", "export", "verify", "benchmark", "bundle")
UNKNOWN = "UNKNOWN"  # stands for a value that only the running program knows
OF_OTHERS = {"--nproc-per-node", "--shm-size"}  # options of torchrun and docker

_TICKED = re.compile(r"`([^`]+)`")
_OPTION = re.compile(r"(?<![\w`-])--[a-z][\w-]*")
_SECTIONS = "|".join(Recipe.model_fields)
_FILES = "json|yaml|yml|csv|npz|pth|xml"
_KEY = re.compile(
    rf"(?<![\w./-])((?:{_SECTIONS})\.(?!(?:{_FILES})\b)[a-z_]+(?:\.[a-z_]+)*)(?![\w/(*])"
)
_SET = re.compile(r"--set[ =]([\w.]+)=")
_PIP = re.compile(r'pip install "?edgefit(?:\[(?P<extra>[^\]]*)\])?')


@dataclass(frozen=True)
class Text:
    """A text of the source, its unknown values replaced by UNKNOWN."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where} {self.text}"


def texts_of(code: str, where: str = "code") -> Iterator[Text]:
    """The texts of a module, without docstrings."""
    tree = ast.parse(code)
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) not in inside and isinstance(node, ast.Constant | ast.JoinedStr):
            text = _rendered(node)
            if text is not None:
                yield Text(f"{where}:{node.lineno}", text)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "shell_line":
            yield Text(f"{where}:{node.lineno}", f"`{_words(node.args)}`")
        if isinstance(node, ast.List) and node.elts and _rendered(node.elts[0]) == "edgefit":
            yield Text(f"{where}:{node.lineno}", f"`{_words(node.elts)}`")


def _rendered(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_rendered(part) or "" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        call = node.value
        is_line = isinstance(call, ast.Call) and getattr(call.func, "id", "") == "shell_line"
        return _words(call.args) if is_line and isinstance(call, ast.Call) else UNKNOWN
    return None


def _words(nodes: list[ast.expr]) -> str:
    return " ".join("" if isinstance(n, ast.Starred) else _rendered(n) or UNKNOWN for n in nodes)


TEXTS = [
    text
    for path in sorted(SOURCE.rglob("*.py"))
    for text in texts_of(path.read_text(encoding="utf-8"), path.relative_to(SOURCE).as_posix())
]


def problems(text: Text) -> list[str]:
    """What a text names and does not exist."""
    found = [p for ticked in _TICKED.findall(text.text) for p in _problems_of_command(ticked)]
    outside = _TICKED.sub("", text.text) if " " in text.text else ""
    options = set(_OPTION.findall(outside)) - OF_OTHERS - _all_options()
    found += [f"no verb has the option {option}" for option in sorted(options)]
    keys = {*_SET.findall(text.text), *(_KEY.findall(text.text) if " " in text.text else ())}
    found += [f"no recipe key {key}" for key in sorted(keys) if not _is_key(key)]
    extras = _project()["optional-dependencies"]
    for match in _PIP.finditer(text.text):
        extra = match["extra"]
        if extra is not None and UNKNOWN not in extra and extra not in extras:
            found.append(f"no extra {extra}")
    return found


def _problems_of_command(line: str) -> Iterator[str]:
    program, *words = shlex.split(line) if line.count("'") % 2 == 0 else [""]
    if program == "make":
        targets = set(re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.M))
        yield from (f"no make target {word}" for word in words if word not in targets)
    if "edgefit" in (program, *words[:2]) and program in ("edgefit", "torchrun"):
        yield from _problems_of_verb(
            words[words.index("edgefit") + 1 :] if program != "edgefit" else words
        )


def _problems_of_verb(words: list[str]) -> Iterator[str]:
    if not words or words[0] == UNKNOWN:
        return
    verb, *rest = words
    if verb not in PROGRAM.commands:
        yield f"no verb {verb}"
    elif rest or not _needs_arguments(verb):
        try:
            PROGRAM.commands[verb].make_context(verb, [*rest]).close()
        except UsageProblem as error:
            yield f"edgefit {verb}: {error.format_message()}"


def _needs_arguments(verb: str) -> bool:
    """Without arguments, a text only mentions a verb: "the folder that `edgefit build` wrote"."""
    return any(p.required for p in PROGRAM.commands[verb].params)


def _all_options() -> set[str]:
    verbs = [PROGRAM, *PROGRAM.commands.values()]
    return {name for verb in verbs for param in verb.params for name in param.opts} | {"--help"}


def _is_key(dotted: str) -> bool:
    model: Any = Recipe
    for name in dotted.split("."):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return False
        if name not in model.model_fields:
            return False
        model = model.model_fields[name].annotation
    return True


def _project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return found


def test_what_messages_name_exists() -> None:
    found = [f"{text}: {problem}" for text in TEXTS for problem in problems(text)]
    assert found == []


def test_the_texts_are_found() -> None:
    commands = [text for text in TEXTS if "`edgefit " in text.text]
    assert len(commands) > 30
    assert len([text for text in TEXTS if "--set " in text.text]) > 8


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_named_by_its_verb(stage: str) -> None:
    assert list(_problems_of_verb([stage, "RUN"])) == []


def test_a_command_to_run_names_what_it_runs_on() -> None:
    """ "run `edgefit check` again" does not work when typed."""
    asked = re.compile(r"(?:[Rr]un|with) `edgefit (\S+)`")
    bare = [text for text in TEXTS for verb in asked.findall(text.text) if _needs_arguments(verb)]
    assert [str(text) for text in bare] == []


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("f(remedy='run `edgefit chekc RUN`')", "no verb chekc"),
        ("f(remedy=f'run `edgefit check {run} --colour`')", "edgefit check: No such option"),
        (
            "f(remedy=f'run `edgefit verify`, then `edgefit predict BUNDLE`')",
            "edgefit predict: Missing",
        ),
        ("f(remedy=f\"run `{shell_line('edgefit', 'trian', run)}`\")", "no verb trian"),
        ("say_next(['edgefit', 'predict', bundle])", "edgefit predict: Missing"),
        ("f(remedy='give it with --folder')", "no verb has the option --folder"),
        ("f(remedy='less (--set train.workerz=0)')", "no recipe key train.workerz"),
        ("f(remedy='leave it out with data.excluded')", "no recipe key data.excluded"),
        ("f(remedy='pip install \"edgefit[ray]\"')", "no extra ray"),
        ("f(remedy='run `make everything`')", "no make target everything"),
        ("f(remedy='run `torchrun -m edgefit trian RUN`')", "no verb trian"),
    ],
)
def test_a_remedy_that_names_nothing_is_found(code: str, problem: str) -> None:
    found = [p for text in texts_of(code) for p in problems(text)]
    assert any(p.startswith(problem) for p in found), found


@pytest.mark.parametrize(
    "code",
    [
        "f(remedy='give the folder that `edgefit build` wrote')",
        "f(remedy=f'run `edgefit {stage} {root}` first')",
        "f(remedy='switch it off (--set operating.coverage=null), or use `edgefit doctor`')",
        "f(remedy=f'pip install \"edgefit[{extra}]\"')",
    ],
)
def test_a_remedy_that_works_is_not_accused(code: str) -> None:
    assert [p for text in texts_of(code) for p in problems(text)] == []
