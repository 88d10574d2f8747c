"""What the audit concludes from facts alone: each finding where it holds, and only there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgefit.data.findings import ImageFacts, find_all
from edgefit.data.table import Sample, SampleTable
from edgefit.records.check import Finding
from edgefit.runtime.images.header import Note, NoteKind
from edgefit.spec import InputSpec, LabelMap

SPEC = InputSpec(16, 16)
PLAIN = ImageFacts(
    width=32, height=32, grey=False, mean_level=100.0, blank=False, pixels_hash="own"
)


def samples(images: int = 20, label: str = "a", **fields: Any) -> list[Sample]:
    """Images of one class, every two of them in one group."""
    return [
        Sample(f"{label}/{i:03d}.png", label, group=f"{label}{i // 2}", **fields)
        for i in range(images)
    ]


def findings(
    rows: list[Sample],
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    unreadable: Mapping[str, str] | None = None,
) -> dict[str, Finding]:
    """Findings by code; ``changes`` are facts of single images, by path."""
    labels = LabelMap(tuple(sorted({row.label for row in rows if row.label is not None})))
    facts = {
        row.path: replace(
            PLAIN, **({"pixels_hash": row.path} | dict((changes or {}).get(row.path, {})))
        )
        for row in rows
    }
    found = find_all(SampleTable(Path("set"), tuple(rows), labels), facts, unreadable or {}, SPEC)
    by_code = {finding.code: finding for finding in found}
    assert len(by_code) == len(found), "each code is said once"
    return by_code


BOTH = [*samples(), *samples(label="b")]
TWINS = {"a/000.png": {"pixels_hash": "same"}, "a/001.png": {"pixels_hash": "same"}}


def test_a_clean_table_has_none() -> None:
    assert findings(BOTH) == {}


def test_the_gravest_stand_first() -> None:
    rows = [replace(row, group=row.path, split="train") for row in samples(3)]
    rows[0] = replace(rows[0], split="test")
    labels = LabelMap(("a",))
    facts = {row.path: replace(PLAIN, pixels_hash="same") for row in rows}
    found = find_all(SampleTable(Path("set"), tuple(rows), labels), facts, {"x": "empty"}, SPEC)
    assert [finding.level for finding in found] == ["error", "warning", "warning", "info"]
    assert found[0].code == "leak"


def test_images_that_cannot_be_read_are_listed() -> None:
    found = findings(BOTH, unreadable={"x.png": "empty", "y.png": "no such file"})
    assert found["unreadable"].paths == ("x.png", "y.png")
    assert found["unreadable"].message.startswith("2 of 42 images")


def test_equal_images_of_a_class_are_duplicates() -> None:
    found = findings(BOTH, TWINS)
    assert set(found) == {"duplicate"}
    assert found["duplicate"].paths == ("a/000.png", "a/001.png")


def test_equal_images_in_two_splits_are_a_leak() -> None:
    rows = [replace(row, split="train" if i else "test") for i, row in enumerate(BOTH)]
    rows = [*rows, *samples(40, "a", split="test")[20:], *samples(40, "b", split="test")[20:]]
    found = findings(rows, TWINS)
    assert (found["leak"].level, found["leak"].paths) == ("error", ("a/000.png", "a/001.png"))
    assert "duplicate" not in found


def test_equal_images_of_two_classes_are_a_conflict() -> None:
    twins = {"a/000.png": {"pixels_hash": "same"}, "b/000.png": {"pixels_hash": "same"}}
    found = findings(BOTH, twins)
    assert set(found) == {"label-conflict"}
    assert found["label-conflict"].level == "error"


def test_blank_images_are_said_to_be_blank_and_never_equal() -> None:
    blank = {path: {"pixels_hash": "same", "blank": True} for path in TWINS}
    found = findings(BOTH, blank)
    assert set(found) == {"blank"}
    assert found["blank"].paths == tuple(TWINS)


@pytest.mark.parametrize(
    ("width", "height", "enlarged"), [(15, 15, True), (15, 16, False), (16, 15, False)]
)
def test_an_image_is_enlarged_where_both_sides_are_too_small(
    width: int, height: int, enlarged: bool
) -> None:
    found = findings(BOTH, {"a/003.png": {"width": width, "height": height}})
    assert ("enlarged" in found) is enlarged


@pytest.mark.parametrize(
    ("grey", "level"),
    [
        (set("a"), "warning"),  # the colour tells the class
        (set("ab"), None),
        (set(), None),
    ],
)
def test_colour_that_goes_with_the_class_is_a_shortcut(grey: set[str], level: str | None) -> None:
    found = findings(BOTH, {row.path: {"grey": row.label in grey} for row in BOTH})
    assert (found["mixed-colour"].level if "mixed-colour" in found else None) == level


def test_colour_that_is_mixed_in_each_class_is_no_shortcut() -> None:
    found = findings(BOTH, {row.path: {"grey": i % 2 == 0} for i, row in enumerate(BOTH)})
    assert found["mixed-colour"].level == "info"


@pytest.mark.parametrize(("images", "few"), [(19, True), (20, False)])
def test_classes_of_few_images_are_named(images: int, few: bool) -> None:
    found = findings([*samples(), *samples(images, "b")])
    assert ("few-images" in found) is few
    if few:
        assert "b (19 in unassigned)" in found["few-images"].message


@pytest.mark.parametrize(("images", "imbalance"), [(199, False), (200, True)])
def test_a_class_ten_times_as_large_is_told(images: int, imbalance: bool) -> None:
    found = findings([*samples(images), *samples(20, "b")])
    assert ("imbalance" in found) is imbalance


def test_a_table_without_groups_is_told() -> None:
    found = findings([replace(row, group=row.path) for row in BOTH])
    assert set(found) == {"no-groups"}
    assert findings([replace(BOTH[0], group=BOTH[0].path), *BOTH[1:]]) == {}


def test_one_image_is_told_in_the_singular() -> None:
    grey = {"a/002.png": {"grey": True}, "a/003.png": {"blank": True}}
    small = {"a/004.png": {"width": 8, "height": 8}}
    found = findings(BOTH, {**TWINS, **grey, **small}, unreadable={"x.png": "empty"})
    said = {code: finding.message for code, finding in found.items()}
    assert said["duplicate"] == "1 image occurs more than once within a class."
    assert said["unreadable"] == "1 of 41 images cannot be read and is left out."
    assert said["blank"] == "1 image has a single plain colour."
    assert said["mixed-colour"].startswith("1 of 40 images is grey")
    assert said["enlarged"].startswith("1 of 40 images is smaller")


@pytest.mark.parametrize("kind", NoteKind)
def test_each_kind_of_note_is_counted_with_its_paths(kind: NoteKind) -> None:
    noted = {"notes": (Note(kind, "of one file"),)}
    found = findings(BOTH, {"a/003.png": noted, "b/001.png": noted})
    assert set(found) == {kind}
    assert found[kind].level == "warning"
    assert found[kind].paths == ("a/003.png", "b/001.png")
    assert "2 of 40 images" in found[kind].message
    assert found[kind].message.endswith(".") and "{" not in found[kind].message


@pytest.mark.parametrize(
    ("largest", "bits"), [(1023, 10), (1024, 12), (4095, 12), (4096, 14), (16383, 14)]
)
def test_bits_that_no_file_uses_are_named_with_the_key(largest: int, bits: int) -> None:
    deep = {"a/003.png": {"largest": 300}, "a/004.png": {"largest": largest}}
    (found,) = findings(BOTH, deep).values()
    assert (found.code, found.level) == ("unused-bits", "warning")
    assert f"input.bits: {bits}" in found.message and str(largest) in found.message
    assert found.paths == ("a/003.png", "a/004.png")


def test_8_bits_in_16_are_named_too() -> None:
    (found,) = findings(BOTH, {"a/003.png": {"largest": 255}}).values()
    assert "seem to use 8 bits" in found.message and "save them as 8-bit images" in found.message


@pytest.mark.parametrize("largest", [16384, 65535, 0])
def test_files_that_use_their_bits_or_are_black_are_no_finding(largest: int) -> None:
    deep = {"a/003.png": {"largest": 300 if largest else 0}, "a/004.png": {"largest": largest}}
    assert findings(BOTH, deep) == {}
