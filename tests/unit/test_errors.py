"""The tree of errors: exit codes, facts and messages."""

from __future__ import annotations

import pytest

from edgefit import errors
from edgefit.errors import EdgefitError, GateError, IntegrityError, RecipeError, missing_extra


def test_facts_stand_in_the_message_and_in_the_dictionary() -> None:
    error = EdgefitError("It is broken.", path="a/b", key="train.epochs", expected=3, found=0)
    assert str(error).splitlines() == [
        "It is broken.",
        "  path: a/b",
        "  key: train.epochs",
        "  expected: 3",
        "  found: 0",
    ]
    facts = error.to_dict()
    assert facts["error"] == "EdgefitError"
    assert facts["path"] == "a/b"
    assert facts["remedy"] is None


def test_a_false_fact_is_not_lost() -> None:
    assert "found: 0" in str(EdgefitError("x", found=0))
    assert EdgefitError("x", found="").to_dict()["found"] == ""


@pytest.mark.parametrize(("kind", "code"), [(GateError, 1), (IntegrityError, 1), (RecipeError, 2)])
def test_exit_codes(kind: type[EdgefitError], code: int) -> None:
    assert kind("x").exit_code == code


def test_recipe_error_lists_all_problems() -> None:
    error = RecipeError("2 problems.", problems=["a: unknown", "b: missing"], path="r.yaml")
    assert error.problems == ["a: unknown", "b: missing"]
    assert str(error).index("- a: unknown") < str(error).index("- b: missing")
    assert error.path == "r.yaml"


def test_missing_extra_gives_the_command() -> None:
    error = missing_extra("nncf", "workshop")
    assert error.remedy == 'pip install "edgefit[workshop]"'
    assert error.exit_code == 2


def test_every_error_is_in_the_drawn_tree() -> None:
    kinds = [
        v for v in vars(errors).values() if isinstance(v, type) and v.__module__ == "edgefit.errors"
    ]
    assert len(kinds) == 13
    for kind in kinds:
        assert issubclass(kind, EdgefitError)
        assert kind.__name__ in (errors.__doc__ or "")


def test_a_path_that_is_not_utf8_is_printable_and_stays_usable() -> None:
    error = EdgefitError("Cannot be read.", path="b_\udcfcber.jpg", found="\udce4")
    assert "path: b_\\xfcber.jpg" in str(error)
    assert error.to_dict()["path"] == "b_\\xfcber.jpg"
    assert error.to_dict()["found"] == "\\xe4"
    assert error.path == "b_\udcfcber.jpg"
