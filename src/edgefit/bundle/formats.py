"""Convert older formats of a manifest to the newest one.

- 1: frames are enlarged by bilinear interpolation.
- 2: the input contract may name another interpolation, which readers of format 1 would overlook.
- 3: the rule is tagged with its kind, golden answers are stored by the name of the output, and the
  key ``thresholds``, which was always empty, is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue, ValidationError
from pydantic_core import InitErrorDetails

from edgefit.bundle.manifest import FORMAT_VERSION
from edgefit.spec import CLASSIFICATION

READABLE = tuple(range(1, FORMAT_VERSION + 1))
"""Format versions that this release reads."""
_WITH_TAGGED_RULE = 3


def to_newest(facts: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The manifest's JSON in the newest form; ``format_version`` stays that of the file.

    Args:
        facts: JSON of a readable format; it is not modified.

    Raises:
        ValidationError: An older format holds what its own readers refuse.
    """
    if facts["format_version"] >= _WITH_TAGGED_RULE:
        return dict(facts)
    newest = {key: value for key, value in facts.items() if key != "thresholds"}
    if not isinstance(facts.get("thresholds", {}), dict):
        raise _refused("dict_type", ("thresholds",), facts["thresholds"])
    rule = newest.get("operating")
    if isinstance(rule, dict):
        if "kind" in rule:
            raise _refused("extra_forbidden", ("operating", "kind"), rule["kind"])
        newest["operating"] = {"kind": str(CLASSIFICATION), **rule}
    return newest


def _refused(kind: str, key: tuple[str, ...], found: JsonValue) -> ValidationError:
    """The error of a reader whose fields have no place for this value."""
    details = InitErrorDetails(type=kind, loc=key, input=found)
    return ValidationError.from_exception_data("Manifest", [details])
