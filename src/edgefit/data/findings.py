"""What the audit concludes from the facts it measured.

An ``error`` makes figures measured on these data wrong; the caller decides whether to go on. A
``warning`` probably costs accuracy. An ``info`` is good to know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edgefit.data.table import Sample, SampleTable, examples
from edgefit.names import printable
from edgefit.records.check import Finding, Level
from edgefit.runtime.images.header import Note, NoteKind
from edgefit.spec import InputSpec
from edgefit.wording import agreeing, counted

_GRAVITY: dict[Level, int] = {"error": 0, "warning": 1, "info": 2}
_FEW_IMAGES = 20
_STRONG_IMBALANCE = 10
_CAMERA_BITS = (10, 12, 14)
_NOTED = {
    NoteKind.DAMAGED: "Damaged, and read all the same (input.damaged: warn): {share}.",
    NoteKind.LOOSE_BYTES: "Loose bytes (padding or damage) before the end of the image: {share}.",
    NoteKind.FURTHER_IMAGES: "Further pages or frames, of which only the first is read: {share}.",
    NoteKind.TRANSPARENT: "{share} {are} fully transparent and {are} read as white.",
    NoteKind.CLIPPED: "{share} {have} values above the range of input.bits; these are clipped.",
}


@dataclass(frozen=True)
class ImageFacts:
    """Facts about one decoded image.

    Attributes:
        width: Pixels, before any resizing.
        height: Pixels, before any resizing.
        grey: Whether no pixel has a visible colour.
        mean_level: Mean grey level, 0 to 255.
        blank: Whether all pixels are alike.
        pixels_hash: Hash of the shape and of all decoded pixels.
        notes: What the decoder said about the file.
        largest: The largest value of a 16-bit file that does not state its scale, else None.
    """

    width: int
    height: int
    grey: bool
    mean_level: float
    blank: bool
    pixels_hash: str
    notes: tuple[Note, ...] = ()
    largest: int | None = None


def find_all(
    table: SampleTable,
    facts: Mapping[str, ImageFacts],
    unreadable: Mapping[str, str],
    spec: InputSpec,
) -> tuple[Finding, ...]:
    """Every finding about a table, most serious first.

    Args:
        table: The readable samples, with or without splits.
        facts: The facts about each sample, by path.
        unreadable: Paths and reasons of images that were left out.
        spec: The input contract.
    """
    findings = [
        *_unreadable(unreadable, len(table)),
        *_duplicates(table, facts),
        *_blank(table, facts),
        *_notes(table, facts),
        *_unused_bits(table, facts, spec),
        *_sizes(table, facts, spec),
        *_colour(table, facts),
        *_class_sizes(table),
        *_groups(table),
    ]
    return most_serious_first(findings)


def most_serious_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by their level; those of one level keep their order."""
    return tuple(sorted(findings, key=lambda finding: _GRAVITY[finding.level]))


def _unreadable(unreadable: Mapping[str, str], readable: int) -> Iterator[Finding]:
    if unreadable:
        total = readable + len(unreadable)
        message = f"{len(unreadable):,} of {counted(total, 'image')} cannot be read and "
        message += f"{agreeing(len(unreadable), 'are')} left out."
        yield Finding(level="warning", code="unreadable", message=message, paths=tuple(unreadable))


def _duplicates(table: SampleTable, facts: Mapping[str, ImageFacts]) -> Iterator[Finding]:
    twins: dict[str, list[Sample]] = defaultdict(list)
    for sample in table.samples:
        if not facts[sample.path].blank:
            twins[facts[sample.path].pixels_hash].append(sample)
    leaks: list[list[Sample]] = []
    conflicts: list[list[Sample]] = []
    within: list[list[Sample]] = []
    for samples in twins.values():
        leaking = len({s.split for s in samples}) > 1
        conflicting = len({s.label for s in samples}) > 1
        if leaking:
            leaks.append(samples)
        if conflicting:
            conflicts.append(samples)
        if len(samples) > 1 and not leaking and not conflicting:
            within.append(samples)
    if leaks:
        message = f"{counted(len(leaks), 'image', 'are')}, pixel for pixel, in more than one split."
        yield Finding(level="error", code="leak", message=message, paths=_paths(leaks))
    if conflicts:
        message = (
            f"{counted(len(conflicts), 'image', 'occur')}, pixel for pixel, with different labels."
        )
        yield Finding(
            level="error", code="label-conflict", message=message, paths=_paths(conflicts)
        )
    if within:
        message = f"{counted(len(within), 'image', 'occur')} more than once within a class."
        yield Finding(level="warning", code="duplicate", message=message, paths=_paths(within))


def _paths(sets: list[list[Sample]]) -> tuple[str, ...]:
    return tuple(sample.path for samples in sets for sample in samples)


def _blank(table: SampleTable, facts: Mapping[str, ImageFacts]) -> Iterator[Finding]:
    blank = tuple(s.path for s in table.samples if facts[s.path].blank)
    if blank:
        message = f"{counted(len(blank), 'image', 'have')} a single plain colour."
        yield Finding(level="warning", code="blank", message=message, paths=blank)


def _notes(table: SampleTable, facts: Mapping[str, ImageFacts]) -> Iterator[Finding]:
    for kind, words in _NOTED.items():
        paths = tuple(
            s.path for s in table.samples if any(n.kind == kind for n in facts[s.path].notes)
        )
        if paths:
            share = f"{len(paths):,} of {counted(len(table), 'image')}"
            are, have = agreeing(len(paths), "are"), agreeing(len(paths), "have")
            message = words.format(share=share, are=are, have=have)
            yield Finding(level="warning", code=str(kind), message=message, paths=paths)


def _unused_bits(
    table: SampleTable, facts: Mapping[str, ImageFacts], spec: InputSpec
) -> Iterator[Finding]:
    """Report 16-bit files of a camera that delivers fewer bits: they look almost black."""
    deep = [s.path for s in table.samples if facts[s.path].largest is not None]
    largest = max((facts[path].largest or 0 for path in deep), default=0)
    used = next((bits for bits in _CAMERA_BITS if largest < 1 << bits), spec.bits)
    if largest and used < spec.bits:
        remedy = f"set input.bits: {used} in the recipe"
        if largest <= 255:
            used, remedy = 8, "save them as 8-bit images"
        message = (
            f"No value of {len(deep):,} 16-bit images is above {largest}: they seem to use {used} "
            f"bits, and input.bits is {spec.bits}, so they are dark. If so, {remedy}."
        )
        yield Finding(level="warning", code="unused-bits", message=message, paths=tuple(deep))


def _sizes(
    table: SampleTable, facts: Mapping[str, ImageFacts], spec: InputSpec
) -> Iterator[Finding]:
    small = tuple(
        s.path
        for s in table.samples
        if facts[s.path].width < spec.width and facts[s.path].height < spec.height
    )
    if small:
        message = (
            f"{len(small):,} of {counted(len(table), 'image')} {agreeing(len(small), 'are')} "
            f"smaller than the input of {spec.width}x{spec.height} and will be enlarged."
        )
        yield Finding(level="info", code="enlarged", message=message, paths=small)


def _colour(table: SampleTable, facts: Mapping[str, ImageFacts]) -> Iterator[Finding]:
    """Report colour: if it depends on the class, the network learns a shortcut.

    Such a network fails on the next camera.
    """
    grey: dict[str | None, int] = defaultdict(int)
    images: dict[str | None, int] = defaultdict(int)
    for sample in table.samples:
        grey[sample.label] += facts[sample.path].grey
        images[sample.label] += 1
    if not 0 < sum(grey.values()) < len(table):
        return
    pure = [name for name in images if grey[name] in (0, images[name])]
    shortcut = any(grey[n] for n in pure) and any(not grey[n] for n in pure)
    greys = sum(grey.values())
    message = f"{greys:,} of {counted(len(table), 'image')} {agreeing(greys, 'are')} grey, "
    message += "the others in colour."
    if shortcut:
        message += " Some classes are all grey and others all colour: a network learns that first."
    yield Finding(level="warning" if shortcut else "info", code="mixed-colour", message=message)


def _class_sizes(table: SampleTable) -> Iterator[Finding]:
    counts = table.counts()
    few = [
        f"{name} ({images} in {split})"
        for split, classes in counts.items()
        for name, images in classes.items()
        if images < _FEW_IMAGES
    ]
    if few:
        message = f"Fewer than {_FEW_IMAGES} images: {examples(few)}; their figures are uncertain."
        yield Finding(level="warning", code="few-images", message=message)
    totals = [sum(c[name] for c in counts.values()) for name in table.labels.names]
    if totals and min(totals) > 0 and max(totals) / min(totals) >= _STRONG_IMBALANCE:
        message = (
            f"The largest class has {counted(max(totals), 'image')}, the smallest {min(totals):,}: "
            "look at balanced accuracy, and consider train.balance."
        )
        yield Finding(level="info", code="imbalance", message=message)


def _groups(table: SampleTable) -> Iterator[Finding]:
    if all(sample.group == printable(sample.path) for sample in table.samples):
        message = (
            "Every image is its own group. If several show the same part, track or patient, set "
            "data.group; otherwise the test figures are too good."
        )
        yield Finding(level="info", code="no-groups", message=message)
