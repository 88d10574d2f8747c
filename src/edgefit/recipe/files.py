"""Recipes from and to YAML; all problems are reported at once, each with its dotted key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from edgefit.errors import RecipeError
from edgefit.recipe.problems import expectation, in_yaml
from edgefit.recipe.recipe import Recipe
from edgefit.wording import counted

RENAMED_KEYS = {"train.head_epochs": "train.mode"}
"""Keys of the previous release, and their replacements. Kept for one release."""
_ZEROS_AHEAD = re.compile(r"0\d+")
_UNION_TAG = re.compile(r"constrained-\w+$|literal\[|function-|list\[|(int|str|float|bool)$")
_NOT_MAPPINGS = {type(None): "nothing", list: "a list", str: "plain text"}


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader that refuses repeated keys; otherwise the last one silently wins."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({str(k) for k in keys if keys.count(k) > 1})
        if twice:
            problem = f"the key {twice[0]!r} appears twice"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep)


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply ``key=value`` overrides (values are YAML).

    Raises:
        RecipeError: The file is missing or not a YAML mapping, a key is unknown, or a value is
            wrong; the error lists all problems.
    """
    path = Path(path)
    if not path.is_file():
        raise RecipeError(
            "The recipe does not exist.",
            path=path,
            expected="a YAML file",
            remedy="start from one of the recipes in models/, e.g. conveyor-quality/recipe.yaml",
        )
    try:
        facts = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(
            "The recipe is not valid YAML.",
            path=path,
            expected="`key: value` lines, nested by indentation",
            found=str(error),
            remedy="correct the line named above",
        ) from error
    if not isinstance(facts, dict):
        raise RecipeError(
            "The recipe is empty." if facts is None else "The recipe is not a mapping.",
            path=path,
            expected="`key: value` lines, e.g. name: my-parts",
            found=_NOT_MAPPINGS.get(type(facts), "a single value"),
            remedy="start from one of the recipes in models/, e.g. conveyor-quality/recipe.yaml",
        )
    return make_recipe(facts, overrides, source=path)


def make_recipe(
    facts: Mapping[str, Any], overrides: Sequence[str] = (), *, source: Path | None = None
) -> Recipe:
    """Build a recipe from plain data, as :func:`load_recipe` does from a file."""
    merged = _deep_copy(facts)
    for override in overrides:
        _apply_override(merged, override)
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        own = _problems_of(facts)
        raise _with_problems(own, _described(error), source) from None


def _problems_of(facts: Mapping[str, Any]) -> list[str]:
    try:
        Recipe.model_validate(facts)
    except ValidationError as error:
        return _described(error)
    return []


def _with_problems(own: list[str], problems: list[str], source: Path | None) -> RecipeError:
    """An error that names the file for problems in it, and ``--set`` for all others."""
    count = counted(len(problems), "problem")
    if not set(problems) & set(own):
        return RecipeError(
            f"The values given with --set have {count}.",
            problems=problems,
            remedy="correct --set; the recipe.yaml of a run folder shows every key",
        )
    marked = [text if text in own else f"{text} (from --set)" for text in problems]
    return RecipeError(
        f"The recipe has {count}.",
        problems=marked,
        path=source,
        remedy="correct the keys above; models/ shows recipes, a run folder a complete one",
    )


def dump_recipe(recipe: Recipe, path: Path) -> None:
    """Write the resolved recipe; :func:`load_recipe` reads it back equal."""
    facts = recipe.model_dump(mode="json")
    path.write_text(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _deep_copy(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _deep_copy(v) if isinstance(v, Mapping) else v for k, v in facts.items()}


def _apply_override(facts: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    if not equals or not dotted:
        raise RecipeError(
            "An override does not have the form key=value.",
            expected="--set train.epochs=5",
            found=override,
            remedy="write the key, an equals sign and the value",
        )
    try:
        # 00040 is a class name; YAML would read an octal number
        value = text.strip() if _ZEROS_AHEAD.fullmatch(text.strip()) else yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(
            "An override's value is not YAML.",
            key=dotted,
            expected="a YAML value, e.g. 5, true, [1, 3] or a word",
            found=f"{text!r}: {error}",
            remedy="quote the value, for the shell and for YAML",
        ) from error
    *sections, last = dotted.split(".")
    for section in sections:
        inner = facts.setdefault(section, {})
        if not isinstance(inner, dict):
            raise RecipeError(
                "An override sets a key inside a value, not a section.",
                key=dotted,
                expected="section.key=value, e.g. train.epochs=5",
                remedy=f"leave out {last!r}, or name a key of a section",
            )
        facts = inner
    facts[last] = value


def _described(error: ValidationError) -> list[str]:
    """One line per key; it joins the complaints of all members of a union."""
    issues: dict[str, list[Any]] = {}
    for issue in error.errors():
        parts = [str(part) for part in issue["loc"] if not _UNION_TAG.match(str(part))]
        issues.setdefault(".".join(parts) or "recipe", []).append(issue)
    return [_describe(dotted, found) for dotted, found in issues.items()]


def _describe(dotted: str, issues: Sequence[Any]) -> str:
    issue = issues[0]
    if issue["type"] == "extra_forbidden":
        if dotted in RENAMED_KEYS:
            return f"{dotted}: unknown key; {RENAMED_KEYS[dotted]} replaces it"
        meant = _similar_key(dotted)
        return f"{dotted}: unknown key" + (f"; did you mean {meant}?" if meant else "")
    if issue["type"] == "missing":
        return f"{dotted}: missing"
    message, found = _complaints(issues), issue["input"]
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if issue["type"] == "string_type" and is_number:
        message += "; YAML reads a number here: put the name in quotes"
    shown = "" if isinstance(found, dict) else f" (found {in_yaml(found)})"
    return f"{dotted}: {message}{shown}"


def _complaints(issues: Sequence[Any]) -> str:
    """What all members of a union expect, or the messages of pydantic where one says it better."""
    wanted = [expectation(issue, Recipe) for issue in issues]
    if all(wanted):
        return f"expected {', or '.join(dict.fromkeys(text for text in wanted if text))}"
    return " or: ".join(dict.fromkeys(i["msg"].removeprefix("Value error, ") for i in issues))


def _similar_key(dotted: str) -> str | None:
    """A key of the same name in another section, or of a similar name in the same one."""
    section, _, name = dotted.rpartition(".")
    known = [key.rpartition(".") for key in _all_keys(Recipe)]
    elsewhere = [f"{its}.{key}" if its else key for its, _, key in known if key == name]
    if elsewhere:
        return elsewhere[0]
    close = difflib.get_close_matches(name, [key for its, _, key in known if its == section], n=1)
    return f"{section}.{close[0]}" if close and section else next(iter(close), None)


def _all_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield prefix + name
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _all_keys(info.annotation, f"{prefix}{name}.")
