"""What holds for every record: complete or absent, checked when read, NaN refused."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError

from edgefit.errors import RunError
from edgefit.records.record import Part, Record


class Count(Part):
    OMITTED: ClassVar[frozenset[str]] = frozenset({"note"})

    images: int
    share: float | None = None
    note: str | None = None


class Example(Record):
    STAGE: ClassVar[str] = "check"
    FILE: ClassVar[str] = "example.json"

    counts: list[Count]
    name: str = "é"


EXAMPLE = Example(counts=[Count(images=3), Count(images=4, share=0.5, note="few")])


def test_what_is_written_reads_back_equal(tmp_path: Path) -> None:
    path = EXAMPLE.write(tmp_path)
    assert path == tmp_path / "check" / "example.json"
    assert Example.read(tmp_path) == EXAMPLE
    assert "é" in path.read_text(encoding="utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["example.json"]


def test_none_is_null_unless_the_field_is_left_out() -> None:
    first, second = EXAMPLE.to_json()["counts"]  # type: ignore[misc]
    assert first == {"images": 3, "share": None}
    assert second == {"images": 4, "share": 0.5, "note": "few"}


def test_a_number_that_json_does_not_have_leaves_the_old_file(tmp_path: Path) -> None:
    EXAMPLE.write(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        Example(counts=[Count(images=1, share=float("nan"))]).write(tmp_path)
    assert Example.read(tmp_path) == EXAMPLE


def test_an_absent_file_says_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has not written") as caught:
        Example.read(tmp_path)
    assert caught.value.path == str(tmp_path / "check" / "example.json")
    assert f"edgefit check {tmp_path}" in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{", None),
        ("[]", None),
        ('{"counts": [], "extra": 1}', "extra"),
        ('{"name": "x"}', "counts"),
        ('{"counts": [{"images": "many"}]}', "counts.0.images"),
    ],
)
def test_a_damaged_file_names_the_key(tmp_path: Path, text: str, key: str | None) -> None:
    path = EXAMPLE.write(tmp_path)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match="damaged") as caught:
        Example.read(tmp_path)
    assert (caught.value.path, caught.value.key) == (str(path), key)


def test_records_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        EXAMPLE.name = "other"  # type: ignore[misc]


def test_a_name_that_is_not_utf8_becomes_printable(tmp_path: Path) -> None:
    record = Example(counts=[], name="b_\udcfcber.jpg")
    assert record.name == "b_\\xfcber.jpg"
    record.write(tmp_path)
    assert Example.read(tmp_path) == record


def test_keys_and_nested_text_become_printable_too() -> None:
    class Nested(Part):
        reasons: dict[str, tuple[str, ...]]

    assert Nested(reasons={"\udcfc": ("\udce4",)}).reasons == {"\\xfc": ("\\xe4",)}
