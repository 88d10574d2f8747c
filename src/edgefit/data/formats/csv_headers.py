"""CSV files of other programs, recognised by the names of their columns."""

from __future__ import annotations

from collections.abc import Sequence

_PATH_WORDS = (
    "filename file_name file filepath file_path image image_path imagepath img img_path image_name "
    "image_id imageid id name fname"
)
_LABEL_WORDS = "class classid class_id class_name classname category target choice tag y type"
_KNOWN: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset(["classid", "roi.x1"]), "a list of the German road signs (GTSRB)"),
    (frozenset(["imageid", "predictionstring"]), "a list of ImageNet as Kaggle gives it"),
    (frozenset(["annotation_id", "lead_time"]), "an export of Label Studio"),
    (frozenset(["object", "split", "mask"]), "a split of VisA"),
    (frozenset(["region_attributes"]), "an export of the VGG Image Annotator"),
    (frozenset(["xmin", "ymin", "xmax", "ymax"]), "a list of bounding boxes"),
    (frozenset(["file_name"]), "the list of a Hugging Face image folder"),
)
_BOXES = ("an export of the VGG Image Annotator", "a list of bounding boxes")


def described_header(header: Sequence[str]) -> str | None:
    """What a CSV file with these columns is; None if it is unknown."""
    names = {name.lower() for name in header}
    return next((what for needed, what in _KNOWN if needed <= names), None)


def header_remedy(header: Sequence[str]) -> str:
    """How to make the columns ``path`` and ``label`` from what is there."""
    if described_header(header) in _BOXES:
        return (
            "edgefit does not read bounding boxes or outlines yet; list images with one class each "
            "under the columns path,label"
        )
    renames = [
        f"the column {found} to {wanted}"
        for wanted, words in (("path", _PATH_WORDS.split()), ("label", _LABEL_WORDS.split()))
        if wanted not in {name.lower() for name in header}
        and (found := _first(header, words)) is not None
    ]
    if renames:
        return f"rename {' and '.join(renames)}; paths are relative to the folder of the CSV file"
    return "write the names of the columns into the first line, such as path,label"


def _first(header: Sequence[str], words: Sequence[str]) -> str | None:
    by_name = {name.lower(): name for name in header}
    return next((by_name[word] for word in words if word in by_name), None)
