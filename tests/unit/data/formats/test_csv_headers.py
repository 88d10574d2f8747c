"""CSV files of other programs, by their columns."""

from __future__ import annotations

import pytest

from edgefit.data.formats.csv_headers import described_header, header_remedy


@pytest.mark.parametrize(
    ("header", "what", "remedy"),
    [
        ("Filename,Width,Roi.X1,ClassId", "GTSRB", "Filename to path and the column ClassId to"),
        ("Width,Roi.X1,ClassId,Path", "GTSRB", "rename the column ClassId to label"),
        ("image,id,choice,annotator,annotation_id,lead_time", "Label Studio", "choice to label"),
        ("object,split,label,image,mask", "VisA", "rename the column image to path"),
        ("filename,width,height,class,xmin,ymin,xmax,ymax", "bounding boxes", "not read bounding"),
        ("filename,file_size,file_attributes,region_attributes", "VGG", "not read bounding"),
        ("ImageId,PredictionString", "ImageNet", "rename the column ImageId to path"),
        ("file_name,label", "Hugging Face", "rename the column file_name to path"),
    ],
)
def test_known_headers_are_named(header: str, what: str, remedy: str) -> None:
    assert what in str(described_header(header.split(",")))
    assert remedy in header_remedy(header.split(","))


def test_columns_of_any_program_are_suggested() -> None:
    header = ["Image_Path", "Category"]
    assert described_header(header) is None
    assert "Image_Path to path and the column Category to label" in header_remedy(header)


def test_a_file_without_a_header_is_told_to_have_one() -> None:
    assert "the first line, such as path,label" in header_remedy(["1.png", "good"])
