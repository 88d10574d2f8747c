"""What the stage ``check`` writes: its findings, and the class list it froze."""

from __future__ import annotations

from typing import ClassVar, Literal

from edgefit.records.passed_over import PassedOverFiles
from edgefit.records.record import Part, Record

Level = Literal["error", "warning", "info"]
Counts = dict[str, dict[str, int]]
"""Images or groups by split and class."""


class Finding(Part):
    """One thing the user should know.

    Attributes:
        level: Severity: an ``error`` makes figures measured on this data wrong, a ``warning``
            probably costs accuracy, an ``info`` is good to know.
        code: Stable name, for scripts.
        message: One sentence.
        paths: Every image concerned; duplicates are next to each other.
    """

    level: Level
    code: str
    message: str
    paths: tuple[str, ...] = ()


class Spread(Part):
    """The range of a size over all images, in pixels."""

    min: int
    median: float
    max: int


class CheckRecord(Record):
    """What ``check`` found in a data set, and how it split the images.

    Attributes:
        images: Number of readable images.
        groups: Groups they belong to.
        classes: Class names, in the order of the network's outputs.
        images_by_split_and_class: ``{split: {class: images}}``.
        groups_by_split_and_class: The same for groups.
        width: Of the images before any resizing.
        height: Of the images before any resizing.
        grey: Images without colour.
        colour: Images with colour.
        near_black: Images that are too dark to show much.
        near_white: Images that are too bright to show much.
        fingerprint: Of the frozen table.
        unreadable: ``{path: reason}`` of the images that are left out.
        findings: Most severe first.
        root: Folder that the paths of the table are relative to.
        dropped_leaks: Paths left out because a held-out image has the same pixels.
        source_fingerprint: Of the data set as it was read, before anything was left out.
        passed_over: Entries of the folder that are not read, by reason and suffix.
    """

    STAGE: ClassVar[str] = "check"
    FILE: ClassVar[str] = "check.json"

    images: int
    groups: int
    classes: tuple[str, ...]
    images_by_split_and_class: Counts
    groups_by_split_and_class: Counts
    width: Spread
    height: Spread
    grey: int
    colour: int
    near_black: int
    near_white: int
    fingerprint: str
    unreadable: dict[str, str]
    findings: tuple[Finding, ...]
    root: str
    dropped_leaks: tuple[str, ...]
    source_fingerprint: str
    passed_over: tuple[PassedOverFiles, ...] = ()


class LabelsRecord(Record):
    """The class list, frozen for all later stages.

    Attributes:
        labels: Class names, in the order of the network's outputs.
        sha256: Hash over the ordered names.
    """

    STAGE: ClassVar[str] = "check"
    FILE: ClassVar[str] = "labels.json"

    labels: tuple[str, ...]
    sha256: str
