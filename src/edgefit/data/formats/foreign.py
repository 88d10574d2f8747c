"""Data sets in a format that is not read, recognised and named.

They are looked for where class folders cannot be read, or where reading them would turn masks or
labels into classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgefit.data.formats import foreign_signs as signs
from edgefit.data.formats.foreign_signs import Seen
from edgefit.errors import DataError
from edgefit.runtime.walking import PassedOver, Reason, Walk, suffix_of
from edgefit.shell import shell_line

_ENDS = (".yaml", ".yml", ".json", ".jsonl", ".manifest", ".xml", ".csv", ".txt")
_SORT = "sort the images into class folders, or list them in a CSV file with the columns path,label"
_AS_CLASSES = f"edgefit reads one class for each image: {_SORT}"
_BOXES = (
    f"edgefit does not read bounding boxes or outlines yet, only one class for each image: {_SORT}"
)


def require_not_foreign(root: Path, found: Walk, *, is_single: bool = False) -> None:
    """Refuse folders whose reading as class folders would be wrong.

    Args:
        root: The folder of the data set.
        found: Its images and other entries.
        is_single: Whether the images are all in one class folder.

    Raises:
        DataError: Masks, or images beside their labels, would become classes.
    """
    seen = _seen(root, found)
    asked = _FORMATS if is_single else _WRONG_AS_CLASSES
    _raise_first(seen, asked)


def recognise(root: Path, found: Walk, problem: str = "") -> DataError | None:
    """The error that names the format of a folder that cannot be read; None if it is unknown.

    Args:
        root: The folder of the data set.
        found: Its images and other entries.
        problem: Why it cannot be read as class folders, for the error.
    """
    try:
        _raise_first(_seen(root, found), _FORMATS, problem)
    except DataError as error:
        return error
    return None


def recognise_file(path: Path) -> DataError | None:
    """As :func:`recognise`, for a file that is given as the data set."""
    return recognise(path.parent, Walk((), (PassedOver(path.name, Reason.OTHER),), ()))


def _seen(root: Path, found: Walk) -> Seen:
    others = (e.path for e in found.passed_over if e.reason is Reason.OTHER)
    return Seen(root, found.files, tuple(path for path in others if suffix_of(path) in _ENDS))


def _raise_first(seen: Seen, formats: tuple[_Format, ...], problem: str = "") -> None:
    for form in formats:
        if form.fits(seen):
            remedy = form.remedy(seen) if callable(form.remedy) else form.remedy
            raise DataError(
                f"This is {form.name}, which edgefit does not read as it is.",
                path=seen.root,
                expected="one subfolder of images per class, or a CSV file",
                found=form.sign + (f"; as class folders: {problem}" if problem else ""),
                remedy=remedy,
            )


def _gtsrb_folder(seen: Seen) -> str:
    """The folder of the numbered class folders."""
    parts = [path.split("/") for path in seen.images]
    holders = Counter("/".join(p[:-2]) for p in parts if len(p) > 1 and p[-2].isdigit())
    if not holders:
        return f"the test images have no classes in their folders. {_AS_CLASSES}"
    holder = seen.root / holders.most_common(1)[0][0]
    return f"give the folder of its class folders: {shell_line('--data', holder)}"


def _metadata_file(seen: Seen) -> str:
    lists = signs.hugging_face_lists(seen)
    if len(lists) > 1 or suffix_of(lists[0]) != ".csv":
        return (
            "list the images in one CSV file with the columns path,label and, if wanted, split; "
            "paths are relative to its folder"
        )
    return (
        "in the CSV file, rename the column file_name to path and the column of the class to "
        f"label; then give the file: {shell_line('--data', seen.root / lists[0])}"
    )


@dataclass(frozen=True)
class _Format:
    name: str
    sign: str
    fits: Callable[[Seen], bool]
    remedy: str | Callable[[Seen], str]


_MVTEC = _Format(
    "a data set for anomaly detection in the layout of MVTec AD",
    "a folder ground_truth beside train and test; its images are masks",
    signs.is_mvtec,
    "edgefit has no task for anomalies yet. To tell the defects apart, list the images of train "
    "and test with their classes in a CSV file with the columns path,label, so that splits are "
    "drawn; the masks stay out",
)
_VOC_SIGN = "JPEGImages or <annotation> files"
_YOLO_SIGN = "a data.yaml, or text files of a class number and a box"
_WRONG_AS_CLASSES = (
    _MVTEC,
    _Format("a Pascal VOC data set", _VOC_SIGN, signs.is_voc, _BOXES),
    _Format("a YOLO data set", _YOLO_SIGN, signs.is_yolo, _BOXES),
    _Format(
        "a set of images beside masks or labels",
        "top folders such as images and masks",
        signs.is_images_and_masks,
        f"edgefit does not read masks, only one class for each image: {_SORT}; if "
        "these folders are the classes, set data.layout: classes",
    ),
)
_FORMATS = (
    _MVTEC,
    _Format(
        "the German road signs (GTSRB) with their lists",
        "CSV files with the columns Roi.X1 and ClassId",
        signs.is_gtsrb,
        _gtsrb_folder,
    ),
    _Format(
        "a Roboflow export",
        "_annotations or _classes files",
        signs.is_roboflow,
        "in Roboflow, export a classification project as `Folder Structure`, which is read; "
        f"{_BOXES}",
    ),
    _Format(
        "a Label Studio export",
        "annotations with lead_time",
        signs.is_label_studio,
        "export CSV from Label Studio, rename its column image to path and choice to label, and "
        "make the paths relative to the file",
    ),
    _Format("a COCO data set", "a JSON file of images and annotations", signs.is_coco, _BOXES),
    _Format(
        "a CVAT export",
        "a file of <annotations> with a <version>",
        signs.is_cvat,
        "export the task from CVAT as `ImageNet`, which gives class folders",
    ),
    _Format("a Pascal VOC data set", _VOC_SIGN, signs.is_voc_beside, _BOXES),
    _Format("a YOLO data set", _YOLO_SIGN, signs.is_yolo_beside, _BOXES),
    _Format(
        "a SageMaker Ground Truth manifest",
        "lines with source-ref",
        signs.is_sagemaker,
        _AS_CLASSES,
    ),
    _Format(
        "a LabelMe data set", "JSON files with shapes beside the images", signs.is_labelme, _BOXES
    ),
    _Format("a data set of the VGG Image Annotator", "region_attributes", signs.is_via, _BOXES),
    _Format(
        "a Hugging Face image folder",
        "a file metadata with file_name",
        signs.is_hugging_face,
        _metadata_file,
    ),
    _Format(
        "ImageNet as Kaggle gives it",
        "files LOC_*",
        signs.is_imagenet,
        "give the folder of its class folders, ILSVRC/Data/CLS-LOC/train, with --data",
    ),
    *_WRONG_AS_CLASSES[3:],
)
