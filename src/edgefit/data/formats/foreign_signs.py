"""The signs of other formats, in names and in the first and last kilobytes of a few files.

No function here follows a link or raises on rubbish.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path, PurePosixPath

from edgefit.data.formats.splits import split_of
from edgefit.runtime.walking import suffix_of

_BYTES = 4096
_FILES = 12
_YOLO_LINE = re.compile(r"\s*\d+(\s+-?\d*\.?\d+(e-?\d+)?){4,}\s*", re.IGNORECASE)
_YOLO_KEYS = (
    re.compile(r"^names\s*:", re.MULTILINE),
    re.compile(r"^(train|val)\s*:", re.MULTILINE),
)
_IMAGE_FOLDERS = "image images img imgs jpegimages rgb input inputs original"
_MASK_FOLDERS = (
    "mask masks label labels annotation annotations ann anns gt ground_truth groundtruth "
    "ground-truth segmentation segmentations segmentationclass segmentationobject"
)
_IMAGES = frozenset(_IMAGE_FOLDERS.split())
_MASKS = frozenset(_MASK_FOLDERS.split())


@dataclass(frozen=True)
class Seen:
    """What a folder holds, and the texts of some of its files."""

    root: Path
    images: tuple[str, ...]
    others: tuple[str, ...]

    @cached_property
    def folders(self) -> frozenset[str]:
        """Lower-case names of all folders that hold images, near the root."""
        return frozenset(n.lower() for path in self.images for n in path.split("/")[:-1][:3])

    @cached_property
    def tops(self) -> frozenset[str]:
        """Lower-case names of the top folders that hold images."""
        return frozenset(path.split("/")[0].lower() for path in self.images if "/" in path)

    def texts(self, *suffixes: str) -> Iterator[str]:
        """The ends of the files with one of these suffixes that are nearest to the root."""
        chosen = [path for path in self.others if suffix_of(path) in suffixes]
        chosen.sort(key=lambda path: (path.count("/"), path))
        return map(self._ends, islice(chosen, _FILES))

    def has(self, *words: str, of: tuple[str, ...]) -> bool:
        """Whether all words occur in one file with one of the suffixes ``of``."""
        return any(all(word in text for word in words) for text in self.texts(*of))

    def _ends(self, path: str) -> str:
        if path not in self._cache:
            self._cache[path] = ends_of(self.root / path)
        return self._cache[path]

    @cached_property
    def _cache(self) -> dict[str, str]:
        return {}


def ends_of(path: Path) -> str:
    """The first and last bytes of a regular file as text; empty where it cannot be read."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return ""
        with path.open("rb") as file:
            data = file.read(_BYTES)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(len(data), size - _BYTES))
            data += b"\n" + file.read(_BYTES) if size > len(data) else b""
    except OSError:
        return ""
    return data.decode("utf-8", "replace")


def is_mvtec(seen: Seen) -> bool:
    """Masks in ``ground_truth`` beside train or test."""
    return "ground_truth" in seen.folders and bool({"train", "test"} & seen.folders)


def is_voc(seen: Seen) -> bool:
    """``JPEGImages`` with XML files, or with folders of masks."""
    has_folder = "jpegimages" in seen.folders
    return (has_folder and seen.has("<annotation", of=(".xml",))) or (
        has_folder and bool({"segmentationclass", "segmentationobject"} & seen.folders)
    )


def is_voc_beside(seen: Seen) -> bool:
    """As :func:`is_voc`, or XML files of objects anywhere."""
    return is_voc(seen) or seen.has("<annotation", "<object", of=(".xml",))


def is_yolo(seen: Seen) -> bool:
    """Top folders of images and of text files of numbers, perhaps inside splits."""
    tops = {_behind_split(path) for path in seen.images}
    return tops == {"images"} and _has_numbers(seen, _labels(seen))


def is_yolo_beside(seen: Seen) -> bool:
    """A YAML file of names and splits, or text files of numbers beside or near the images."""
    texts = seen.texts(".yaml", ".yml")
    if any(all(key.search(text) for key in _YOLO_KEYS) for text in texts):
        return True
    stems = {str(PurePosixPath(path).with_suffix("")) for path in seen.images}
    beside = [p for p in seen.others if p.endswith(".txt") and p.removesuffix(".txt") in stems]
    near = "images" in seen.folders and _has_numbers(seen, _labels(seen))
    return near or _has_numbers(seen, beside)


def _behind_split(path: str) -> str:
    """The lower-case name of the first folder that is not a split."""
    folders = path.lower().split("/")[:-1]
    return next((name for name in folders if split_of(name) is None), "")


def _labels(seen: Seen) -> list[str]:
    return [p for p in seen.others if "labels" in p.lower().split("/") and p.endswith(".txt")]


def _has_numbers(seen: Seen, paths: list[str]) -> bool:
    """Whether text files are lines of a class and four or more numbers; some may be empty."""
    texts = (ends_of(seen.root / path) for path in paths[:_FILES])
    lines = [text.splitlines()[0] for text in texts if text.strip()]
    return bool(lines) and all(_YOLO_LINE.fullmatch(line) for line in lines)


def is_images_and_masks(seen: Seen) -> bool:
    """Top folders of images and of masks, and no others."""
    return bool(seen.tops & _IMAGES) and bool(seen.tops & _MASKS) and seen.tops <= _IMAGES | _MASKS


def is_label_studio(seen: Seen) -> bool:
    """JSON or CSV with the keys of Label Studio."""
    return any(
        ('"lead_time"' in text or '"completed_by"' in text)
        and ('"annotations"' in text or '"annotation_id"' in text)
        for text in seen.texts(".json")
    ) or seen.has("annotation_id", "lead_time", of=(".csv",))


def is_coco(seen: Seen) -> bool:
    """JSON with lists of images and annotations."""
    keys = ('"annotations"', '"categories"')
    return any(
        '"images"' in text and any(key in text for key in keys) for text in seen.texts(".json")
    )


def is_cvat(seen: Seen) -> bool:
    """XML of annotations with a version."""
    return seen.has("<annotations", "<version", of=(".xml",))


def is_sagemaker(seen: Seen) -> bool:
    """Lines of JSON with ``source-ref``."""
    return seen.has('"source-ref"', of=(".manifest", ".jsonl", ".json"))


def is_labelme(seen: Seen) -> bool:
    """JSON with shapes."""
    return any(
        '"shapes"' in text and ('"imagePath"' in text or '"imageData"' in text or '"flags"' in text)
        for text in seen.texts(".json")
    )


def is_roboflow(seen: Seen) -> bool:
    """File names that Roboflow gives."""
    names = {PurePosixPath(path).name.lower() for path in seen.others}
    return bool(names & {"_annotations.csv", "_classes.csv", "_annotations.coco.json"})


def is_hugging_face(seen: Seen) -> bool:
    """A metadata file that names files."""
    return bool(hugging_face_lists(seen))


def hugging_face_lists(seen: Seen) -> list[str]:
    """The metadata files that name files."""
    named = [p for p in seen.others if PurePosixPath(p).stem.lower() == "metadata"]
    return [path for path in named[:_FILES] if "file_name" in ends_of(seen.root / path)]


def is_imagenet(seen: Seen) -> bool:
    """File names of ImageNet's challenge."""
    return any(re.search(r"(^|/)LOC_\w+\.(csv|txt)$", path) for path in seen.others)


def is_gtsrb(seen: Seen) -> bool:
    """CSV with the columns of the German road signs."""
    return seen.has("ClassId", "Roi.X1", of=(".csv",))


def is_via(seen: Seen) -> bool:
    """Keys of the VGG Image Annotator."""
    return seen.has("_via_img_metadata", of=(".json",)) or seen.has(
        "region_attributes", "file_attributes", of=(".csv", ".json")
    )
