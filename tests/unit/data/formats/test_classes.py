"""Spellings of class names."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.formats.classes import class_list, name_findings, require_no_twins
from edgefit.errors import DataError
from edgefit.recipe import DataConfig

ROOT = Path("set")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good", "good"),
        ("good part", "good_part"),
        ("good-part", "good  part"),
        ("good_part", "goodpart"),
        (" good", "good"),
        ("good_", "good"),
        ("STRASSE", "stra\u00dfe"),
        ("\uff47ood", "good"),
        ("class 1", "class-1"),
    ],
)
def test_names_that_differ_by_nothing_a_person_sees_are_twins(one: str, other: str) -> None:
    with pytest.raises(DataError, match="nearly the same name") as caught:
        require_no_twins(ROOT, [one, "third", other], DataConfig())
    assert repr(one) in str(caught.value.found) and repr(other) in str(caught.value.found)
    assert "data.classes" in str(caught.value.remedy)
    require_no_twins(ROOT, [one, other], DataConfig(classes=[one, other]))
    with pytest.raises(DataError, match="nearly the same name"):
        require_no_twins(ROOT, [one, other], DataConfig(classes=[one]))


@pytest.mark.parametrize(
    ("one", "other"),
    [("1-1", "11"), ("A-", "A"), ("A+", "A-"), ("good", "goods"), ("00001", "0001"), ("-1", "1")],
)
def test_other_names_are_not_twins(one: str, other: str) -> None:
    require_no_twins(ROOT, [one, other], DataConfig())


@pytest.mark.parametrize("other", ["go\u200bod-1", "good\u20131", "\ufeffgood-1", "good\u00ad-1"])
def test_signs_without_width_and_dashes_make_twins(other: str) -> None:
    with pytest.raises(DataError, match="nearly the same name") as caught:
        require_no_twins(ROOT, ["good-1", other], DataConfig())
    assert ascii(other) in str(caught.value.found)


def test_the_class_list_is_composed_and_names_each_class_once() -> None:
    assert class_list(DataConfig()) is None
    assert class_list(DataConfig(classes=["scho\u0308n", "b"])) == ("sch\u00f6n", "b")
    with pytest.raises(DataError, match="a class twice") as caught:
        class_list(DataConfig(classes=["scho\u0308n", "sch\u00f6n"]))
    assert caught.value.key == "data.classes"


def test_plain_names_need_no_word() -> None:
    assert list(name_findings(["good", "hole", "good"])) == []


def test_odd_names_are_told() -> None:
    codes = [f.code for f in name_findings(["gr\udcfcn", "sch\u00f6n", "scho\u0308n"])]
    assert codes == ["class-name-not-utf8", "class-in-two-unicode-forms"]
