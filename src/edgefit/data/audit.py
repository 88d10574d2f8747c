"""Read every image once and say what is wrong with the data before a network learns it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from edgefit.data.findings import ImageFacts, find_all
from edgefit.data.table import Sample, SampleTable
from edgefit.errors import DataError, FrameError
from edgefit.progress import QUIET, Reporter
from edgefit.records.check import CheckRecord, Finding, Spread
from edgefit.runtime.cores import available_cores
from edgefit.runtime.images.preprocess import read_image
from edgefit.spec import Frame, InputSpec, JpegDecode
from edgefit.wording import counted

# Below / above these mean grey levels, little can be seen. GTSRB has many such images.
NEAR_BLACK, NEAR_WHITE = 20.0, 235.0
# JPEG gives the pixels of grey images a colour of a few grey levels.
_GREY_TOLERANCE = 3


@dataclass(frozen=True)
class AuditReport:
    """What the audit found.

    Attributes:
        table: The readable samples. Images with the same pixels share a group here, so that a
            drawn split cannot separate them.
        facts: What was measured, by path; readable images only.
        unreadable: ``{path: reason}`` of the images left out of ``table``.
        findings: What the user should know, most serious first.
        spec: The input contract that the images were compared with.
    """

    table: SampleTable
    facts: Mapping[str, ImageFacts]
    unreadable: Mapping[str, str]
    findings: tuple[Finding, ...]
    spec: InputSpec

    def with_splits(self, table: SampleTable) -> AuditReport:
        """The same report for a table with splits; the findings are computed again."""
        findings = find_all(table, self.facts, self.unreadable, self.spec)
        return replace(self, table=table, findings=findings)

    def without_leaks(self) -> tuple[AuditReport, tuple[str, ...]]:
        """Leave out images of train whose pixels are also in val or test, and of val if in test.

        Returns:
            The report on the remaining samples, and the paths left out, sorted.
        """
        rank = {"train": 0, "val": 1, "test": 2}
        highest: dict[str, int] = {}
        for sample in self.table.samples:
            pixels = self.facts[sample.path].pixels_hash
            highest[pixels] = max(highest.get(pixels, 0), rank[sample.split or "train"])
        leaking = {
            s.path
            for s in self.table.samples
            if not self.facts[s.path].blank
            and rank[s.split or "train"] < highest[self.facts[s.path].pixels_hash]
        }
        if not leaking:
            return self, ()
        kept = self.table.with_samples(s for s in self.table.samples if s.path not in leaking)
        return self.with_splits(kept), tuple(sorted(leaking))

    def to_record(self, source: SampleTable, dropped: tuple[str, ...] = ()) -> CheckRecord:
        """The record that the stage `check` writes.

        Args:
            source: The data set as read, before anything was left out.
            dropped: Paths that :meth:`without_leaks` left out; the record lists them in a finding.
        """
        facts = [self.facts[s.path] for s in self.table.samples]
        return CheckRecord(
            images=len(self.table),
            groups=len({s.group for s in self.table.samples}),
            classes=self.table.labels.names,
            images_by_split_and_class=self.table.counts(),
            groups_by_split_and_class=self.table.group_counts(),
            width=_spread([f.width for f in facts]),
            height=_spread([f.height for f in facts]),
            grey=sum(f.grey for f in facts),
            colour=sum(not f.grey for f in facts),
            near_black=sum(f.mean_level < NEAR_BLACK for f in facts),
            near_white=sum(f.mean_level > NEAR_WHITE for f in facts),
            fingerprint=self.table.fingerprint(),
            unreadable=dict(self.unreadable),
            findings=(*([_dropped_leaks(dropped)] if dropped else []), *self.findings),
            root=str(self.table.root),
            dropped_leaks=dropped,
            source_fingerprint=source.fingerprint(),
        )


def audit(
    table: SampleTable,
    spec: InputSpec,
    *,
    workers: int | None = None,
    reporter: Reporter = QUIET,
) -> AuditReport:
    """Decode every image of a table once and report.

    Args:
        table: Samples, with or without splits.
        spec: The input contract; images are read by its rules and compared with its size.
        workers: Decoding threads; default is one for each CPU, at most 8.
        reporter: Shows the progress.

    Returns:
        The report. Its table leaves out the unreadable images. Call ``report.with_splits`` once
        splits are drawn.

    Raises:
        DataError: No image is readable.
    """
    threads = workers or min(8, available_cores())
    facts: dict[str, ImageFacts] = {}
    unreadable: dict[str, str] = {}
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(lambda s: _look(table.absolute(s), spec), table.samples)
        tracked = reporter.track(results, "reading images", total=len(table))
        for sample, result in zip(table.samples, tracked, strict=True):
            if isinstance(result, ImageFacts):
                facts[sample.path] = result
            else:
                unreadable[sample.path] = result
    if not facts:
        path, reason = next(iter(unreadable.items()), ("", "the table is empty"))
        raise DataError(
            f"None of {counted(len(unreadable), 'image')} can be read.",
            path=table.root,
            found=f"{path}: {reason}",
            remedy="check that the files are images and were copied completely",
        )
    readable = table.with_samples(
        join_duplicates([s for s in table.samples if s.path in facts], facts)
    )
    findings = find_all(readable, facts, unreadable, spec)
    return AuditReport(readable, facts, unreadable, findings, spec)


def join_duplicates(samples: list[Sample], facts: Mapping[str, ImageFacts]) -> list[Sample]:
    """Give images with the same pixels one group, within the split that the data state.

    Blank images (all black, say) have the same pixels without showing the same thing, so they are
    not joined. A joined group takes the name that sorts first.
    """
    parent: dict[str, str] = {s.group: s.group for s in samples}

    def find(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    first: dict[tuple[str | None, str], str] = {}
    for sample in samples:
        facts_of = facts[sample.path]
        if not facts_of.blank:
            twin = find(first.setdefault((sample.split, facts_of.pixels_hash), sample.group))
            own = find(sample.group)
            parent[max(twin, own)] = min(twin, own)
    return [replace(s, group=find(s.group)) for s in samples]


def _look(path: Path, spec: InputSpec) -> ImageFacts | str:
    """Measure one image, or say why it cannot be read."""
    if not path.is_file():
        return "no such file"
    try:
        image = read_image(path, replace(spec, jpeg_decode=JpegDecode.EXACT))
    except FrameError as error:
        return error.message
    frame = image.frame
    thumb = _thinned(frame)
    return ImageFacts(
        width=frame.shape[1],
        height=frame.shape[0],
        grey=bool(np.ptp(thumb, axis=2).max() <= _GREY_TOLERANCE),
        mean_level=round(float(thumb.mean()), 2),
        # Look at the whole frame only if the thinned one is plain.
        blank=_is_plain(thumb) and _is_plain(frame),
        pixels_hash=_pixels_hash(frame),
        notes=image.notes,
        largest=image.largest,
    )


def _is_plain(frame: Frame) -> bool:
    return bool(np.ptp(frame.reshape(-1, 3), axis=0).max() <= _GREY_TOLERANCE)


def _thinned(frame: Frame) -> Frame:
    """About 4,000 pixels of a frame, enough for its level and colour."""
    step = max(1, min(frame.shape[:2]) // 64)
    return frame[::step, ::step]


def _pixels_hash(frame: Frame) -> str:
    digest = hashlib.blake2b(repr(frame.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(frame).data)
    return digest.hexdigest()


def _spread(values: list[int]) -> Spread:
    return Spread(min=min(values), median=float(median(values)), max=max(values))


def _dropped_leaks(paths: tuple[str, ...]) -> Finding:
    message = (
        f"{counted(len(paths), 'image', 'are')} left out of train or val because an image with the "
        "same pixels is held out (data.leaks: keep leaves them in)."
    )
    return Finding(level="warning", code="leaks-dropped", message=message, paths=paths)
