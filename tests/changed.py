"""A record with other values at some places, for tests that need a rare case."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from edgefit.records.record import Part
from edgefit.report.facts import RunFacts

P = TypeVar("P", bound=Part)


def changed(part: P, changes: dict[str, Any]) -> P:
    """The part with these values, by dotted path in its JSON; a number is a place in a list.

    Raises:
        ValidationError: A value does not fit its place.
    """
    facts: Any = part.to_json()
    for path, value in changes.items():
        *outer, last = path.split(".")
        place = facts
        for step in outer:
            place = place[_key(place, step)]
        place[_key(place, last)] = value.to_json() if isinstance(value, Part) else value
    return type(part).model_validate(facts)


def changed_facts(facts: RunFacts, changes: dict[str, Any]) -> RunFacts:
    """The same for what a report reads; a path begins with the name of the record."""
    for path, value in changes.items():
        name, inner = path.split(".", 1)
        record = changed(getattr(facts, name), {inner: value})
        facts = dataclasses.replace(facts, **{name: record})
    return facts


def _key(place: Any, step: str) -> int | str:
    return int(step) if isinstance(place, list) else step
