"""Convert older formats of a manifest to the newest one.

- 1: frames are enlarged by bilinear interpolation.
- 2: the input contract may name another interpolation, which readers of format 1 would overlook.
- 3: the rule is tagged with its kind, golden answers are stored by the name of the output, and the
  key ``thresholds``, which was always empty, is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from edgefit.bundle.manifest import FORMAT_VERSION
from edgefit.spec import CLASSIFICATION

READABLE = tuple(range(1, FORMAT_VERSION + 1))
"""Format versions that this release reads."""
_WITH_TAGGED_RULE = 3


def to_newest(facts: Mapping[str, Any]) -> dict[str, JsonValue]:
    """The manifest's JSON in the newest form; ``format_version`` stays that of the file.

    Args:
        facts: JSON of a readable format; it is not modified.
    """
    if facts["format_version"] >= _WITH_TAGGED_RULE:
        return dict(facts)
    newest = {key: value for key, value in facts.items() if key != "thresholds"}
    rule = newest.get("operating")
    if isinstance(rule, dict):
        newest["operating"] = {"kind": str(CLASSIFICATION), **rule}
    return newest
