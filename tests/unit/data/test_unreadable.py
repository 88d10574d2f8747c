"""Unreadable images by reason and class."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.missing_files import NO_FILE, NOT_UTF8
from edgefit.data.table import Sample, SampleTable
from edgefit.data.unreadable import reasons_in_words, require_readable_classes
from edgefit.errors import DataError
from edgefit.spec import LabelMap

TABLE = SampleTable(
    Path("set"),
    (Sample("a/1.png", "a"), Sample("b/2.png", "b"), Sample("b/3.png", "b")),
    LabelMap(("a", "b")),
)


def test_reasons_are_counted_and_the_frequent_ones_come_first() -> None:
    unreadable = {"1": "empty", "2": "cut off.", "3": "cut off.", "4": "x", "5": "y"}
    assert reasons_in_words(unreadable) == "2 cut off (2), 1 empty (1), 1 x (4) and 1 more reasons"
    assert reasons_in_words({}) == ""


def test_a_class_without_a_readable_image_names_count_and_reasons() -> None:
    with pytest.raises(DataError, match="None of the images of a class") as caught:
        require_readable_classes(TABLE, {"b/2.png": "empty", "b/3.png": "cut off"})
    assert caught.value.found == "'b': 2 images, 1 empty (b/2.png), 1 cut off (b/3.png)"
    assert "data.exclude" in str(caught.value.remedy)


def test_one_readable_image_is_enough() -> None:
    require_readable_classes(TABLE, {"b/2.png": "empty"})
    require_readable_classes(TABLE, {})


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        (NO_FILE, "correct the paths"),
        (f"{NO_FILE}, but {NOT_UTF8}", "rename the files whose names are not UTF-8"),
        ("empty", "replace the files"),
    ],
)
def test_the_remedy_fits_the_reason(reason: str, remedy: str) -> None:
    rows = (Sample("a.png", "a"), Sample("b.png", "b"))
    with pytest.raises(DataError) as caught:
        require_readable_classes(SampleTable(Path(), rows, LabelMap(("a", "b"))), {"b.png": reason})
    assert str(caught.value.remedy).startswith(remedy)
