"""A folder of general images: it measures what a backbone keeps, and reminds it in training.

The folder is divided once. Training may replay one half; the other half is only measured, since
replayed images do not show what the network would have kept without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgefit.data.audit import AuditReport, audit
from edgefit.data.formats.folder import read_folder
from edgefit.data.table import Sample, SampleTable, examples
from edgefit.errors import DataError, RecipeError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import DataConfig, Recipe, RetentionConfig
from edgefit.records.retention import GeneralFacts
from edgefit.spec import InputSpec
from edgefit.wording import counted

FEWEST_A_CLASS = 4
"""Two images of each class in either half: a probe needs a neighbour, or a second fold."""

_KEY = "retention.general"


@dataclass(frozen=True)
class General:
    """A general folder, divided.

    Attributes:
        replay: The half that training may see; all its images.
        probe: The half that is measured; at most ``images_per_class`` of each class.
        unreadable: ``{path: reason}`` of the images that cannot be decoded and are left out.
        duplicates: Paths left out because an earlier image has the same pixels.
    """

    replay: SampleTable
    probe: SampleTable
    unreadable: Mapping[str, str]
    duplicates: tuple[str, ...]

    @property
    def classes(self) -> int:
        """Number of general classes."""
        return len(self.probe.labels)

    def facts(self) -> GeneralFacts:
        """Where the images lie, how many there are, and what was left out."""
        return GeneralFacts(
            root=str(self.probe.root),
            classes=self.classes,
            replay_images=len(self.replay),
            probe_images=len(self.probe),
            unreadable=dict(self.unreadable),
            duplicates=self.duplicates,
            fingerprint=self.probe.fingerprint(),
        )


def read_general(
    folder: Path, config: RetentionConfig, spec: InputSpec, *, reporter: Reporter = QUIET
) -> General:
    """Read a folder of general images, one subfolder per class, and divide it.

    Every image is decoded once. Within each class, images go to the two halves in turn, in the
    order of the hashes of their pixels. So an image falls into the same half whatever its file is
    called and wherever the folder is. Images with the same pixels count once.

    Args:
        folder: One subfolder per class; images may lie deeper. Stated splits are merged.
        config: ``images_per_class`` limits the measured half.
        spec: The input contract that the images will go through.
        reporter: Shows progress and warnings.

    Returns:
        Both halves; samples are in the order of their paths.

    Raises:
        DataError: The folder does not exist, holds fewer than two classes, or holds a class with
            fewer than :data:`FEWEST_A_CLASS` different readable images.
    """
    report = _audit(folder, spec, reporter)
    by_class, duplicates = _distinct(report)
    _require_enough(folder, by_class, report)
    if report.unreadable:
        reporter.warn(
            f"{counted(len(report.unreadable), 'general image')} cannot be read: "
            f"{examples(sorted(report.unreadable))}"
        )
    replay = [s for samples in by_class.values() for s in samples[0::2]]
    probe = [s for samples in by_class.values() for s in samples[1::2][: config.images_per_class]]
    return General(
        _in_order(report.table, replay),
        _in_order(report.table, probe),
        dict(report.unreadable),
        duplicates,
    )


def _audit(folder: Path, spec: InputSpec, reporter: Reporter) -> AuditReport:
    if not folder.is_dir():
        raise DataError(
            "The folder of general images does not exist.",
            path=folder,
            key=_KEY,
            expected="a folder with one subfolder of images per class",
            remedy="give its path with --general, or remove the key from the recipe",
        )
    try:
        table = read_folder(folder, DataConfig())
        return audit(table, spec, reporter=reporter)
    except DataError as error:  # its remedy names keys of the training data
        raise DataError(
            f"The general images cannot be used: {error.message}",
            path=error.path or folder,
            key=_KEY,
            expected="one subfolder of images per class",
            found=error.found,
            remedy="correct the folder, or give another one with --general",
        ) from error


def _distinct(report: AuditReport) -> tuple[dict[str, list[Sample]], tuple[str, ...]]:
    """Different images of each class, ordered by their pixels' hash, and the paths left out."""
    by_class: dict[str, list[Sample]] = {name: [] for name in report.table.labels.names}
    pixels = {path: facts.pixels_hash for path, facts in report.facts.items()}
    seen: dict[str, list[Sample]] = defaultdict(list)
    for sample in report.table.samples:
        seen[pixels[sample.path]].append(sample)
    for _, twins in sorted(seen.items()):
        by_class[twins[0].label or ""].append(twins[0])
    duplicates = sorted(twin.path for twins in seen.values() for twin in twins[1:])
    return by_class, tuple(duplicates)


def _require_enough(
    folder: Path, by_class: Mapping[str, list[Sample]], report: AuditReport
) -> None:
    if len(by_class) < 2:
        raise DataError(
            "The general images are all of one class.",
            path=folder,
            key=_KEY,
            expected="two or more class folders",
            found=examples(list(by_class)),
            remedy="give the folder above the class folders",
        )
    few = [
        f"{name} ({len(samples)})"
        for name, samples in by_class.items()
        if len(samples) < FEWEST_A_CLASS
    ]
    if few:
        raise DataError(
            f"{counted(len(few), 'general class', 'hold')} too few different images.",
            path=folder,
            key=_KEY,
            expected=f"at least {FEWEST_A_CLASS} different readable images a class",
            found=f"{examples(few)}; {counted(len(report.unreadable), 'image')} cannot be read",
            remedy="add images, or remove these class folders",
        )


def _in_order(table: SampleTable, samples: list[Sample]) -> SampleTable:
    return table.with_samples(sorted(samples, key=lambda s: s.path))


def general_folder(recipe: Recipe) -> Path:
    """The folder of general images.

    Raises:
        RecipeError: The recipe names none.
    """
    folder = recipe.retention.general
    if folder is None:
        raise RecipeError(
            "The recipe names no folder of general images.",
            key="retention.general",
            expected="a folder with one subfolder of images per class",
            remedy="give it with --general FOLDER",
        )
    return folder


def source_fingerprint(recipe: Recipe) -> str | None:
    """Fingerprint of the general images that the folder holds now; None if it is gone."""
    folder = general_folder(recipe)
    return read_folder(folder, DataConfig()).fingerprint() if folder.is_dir() else None
