"""What is wrong with a value of a recipe, in words for people who write YAML."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_KINDS = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "path_type": "a path",
    "list_type": "a list, e.g. [a, b]",
    "tuple_type": "a list, e.g. [a, b]",
    "none_required": "null",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_SECTIONS = ("model_type", "model_attributes_type", "dict_type")


def expectation(issue: Any, recipe: type[BaseModel]) -> str | None:
    """What would be valid, e.g. ``a whole number``; None where the issue's own message says it.

    Args:
        issue: One of pydantic's ``ValidationError.errors()``.
        recipe: The model that was validated.
    """
    kind, context = issue["type"], issue.get("ctx", {})
    if kind in _SECTIONS:
        return _section_in_words([str(part) for part in issue["loc"]], recipe)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{words} {str(context[name]).removesuffix('.0')}"
    if kind in ("literal_error", "enum"):
        return str(context["expected"])
    return _KINDS.get(kind)


def in_yaml(value: object) -> str:
    """A value as YAML writes it, cut if long: ``null``, ``true``, ``'many'``."""
    if value is None:
        return "null (nothing)"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value!r:.120}"


def _section_in_words(location: list[str], recipe: type[BaseModel]) -> str:
    model: Any = recipe
    for name in location:
        fields = getattr(model, "model_fields", {})
        model = _model_in(fields[name].annotation) if name in fields else None
    if model is None or not location:
        return "a section of keys"
    key, default = next(
        ((k, f.default) for k, f in model.model_fields.items() if type(f.default) in (int, float)),
        (next(iter(model.model_fields)), "..."),
    )
    return f"a section of keys, e.g. {location[-1]}: {{{key}: {default}}}"


def _model_in(annotation: Any) -> Any:
    """The section that an annotation, perhaps an optional one, names."""
    members = [annotation, *getattr(annotation, "__args__", ())]
    return next((m for m in members if isinstance(m, type) and issubclass(m, BaseModel)), None)
