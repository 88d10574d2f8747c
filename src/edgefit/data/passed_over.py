"""What is said of the entries that a walk passes over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from edgefit.records.check import Finding
from edgefit.records.passed_over import PassedOverFiles
from edgefit.runtime.sources.video_file import VIDEO_SUFFIXES
from edgefit.runtime.walking import (
    PassedOver,
    Reason,
    counts_of,
    described,
    suffix_of,
)
from edgefit.wording import agreeing, counted

_RAW = (
    ".3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef "
    ".raf .raw .rw2 .rwl .sr2 .srf .srw .x3f"
)
OTHER_IMAGES = frozenset(
    f"{_RAW} .heic .heif .hif .avif .avifs .gif .jxl .jp2 .j2k .jpf .jpx .jxr .wdp .hdp .svg .svgz "
    ".psd .psb .xcf .ai .eps .tga .pcx .ico .icns .cur .exr .hdr .pfm .pam .dds .sgi .rgb .ras .sr "
    ".pic .pct .xbm .xpm .emf .wmf .mpo .bpg .flif .qoi .dcm .dicom .nii .fits .fit .pdf".split()
)
"""Suffixes of images; which of them are read is for the decoder to say."""
_VIDEOS = VIDEO_SUFFIXES - OTHER_IMAGES


def in_words(parts: Iterable[PassedOverFiles]) -> str:
    """``72 files passed over (system file: 72 .jpg)``, or that there are none."""
    parts = tuple(parts)
    total = sum(part.files for part in parts)
    if not total:
        return "nothing passed over"
    return f"{counted(total, 'file')} passed over ({described(parts)})"


def find_passed_over(entries: Sequence[PassedOver], read: int) -> Iterator[Finding]:
    """What should be known about entries that are not read, though the user may expect it.

    Args:
        entries: Everything passed over.
        read: How many images are read.
    """
    formats = [entry for entry in entries if is_other_image(entry)]
    if formats:
        message = (
            f"{len(formats):,} of {counted(len(formats) + read, 'image')} "
            f"{agreeing(len(formats), 'are')} passed over, because their format is not read: "
            f"{by_suffix(formats)}. Convert them to PNG or JPEG to use them."
        )
        yield _finding("formats-not-read", message, formats)
    out = [entry for entry in entries if entry.reason is Reason.LINK_OUT]
    if out:
        yield _finding("links-out", _links_out(len(out)), out)
    broken = [e for e in entries if e.reason in (Reason.LINK_BROKEN, Reason.LOCKED)]
    if broken:
        message = (
            f"{counted(len(broken), 'entry', 'are')} not reached: links that lead nowhere, or "
            "folders that cannot be opened."
        )
        yield _finding("not-reached", message, broken)
    videos = [e for e in entries if e.reason is Reason.OTHER and suffix_of(e.path) in _VIDEOS]
    if videos:
        message = (
            f"{counted(len(videos), 'video', 'are')} passed over: `edgefit predict` "
            "takes a video, a data set holds images. Save their frames as images to train on them."
        )
        yield _finding("videos", message, videos)
    again = [entry for entry in entries if entry.reason is Reason.LINK_AGAIN]
    if again:
        message = (
            f"{counted(len(again), 'linked folder', 'are')} read only once, under the name of "
            "the folder."
        )
        yield _finding("links-again", message, again)


def _links_out(count: int) -> str:
    lead = counted(count, "link", "lead")
    return f"{lead} out of the folder and {agreeing(count, 'are')} not followed (data.links: all)."


def _finding(code: str, message: str, entries: Sequence[PassedOver]) -> Finding:
    return Finding(
        level="warning", code=code, message=message, paths=tuple(entry.path for entry in entries)
    )


def is_other_image(entry: PassedOver) -> bool:
    """Whether an entry is an image of a format that is not read."""
    return entry.reason is Reason.OTHER and suffix_of(entry.path) in OTHER_IMAGES


def is_missed(entry: PassedOver) -> bool:
    """Whether a user probably takes an entry for an image of the data set."""
    reasons = (Reason.LINK_OUT, Reason.LINK_BROKEN, Reason.LOCKED, Reason.UNFINISHED)
    is_video = entry.reason is Reason.OTHER and suffix_of(entry.path) in _VIDEOS
    return entry.reason in reasons or is_video or is_other_image(entry)


def by_suffix(entries: Iterable[PassedOver]) -> str:
    """``6 .heic, 2 .avif``."""
    totals: dict[str, int] = {}
    for count in counts_of(entries):
        totals[count.suffix] = totals.get(count.suffix, 0) + count.files
    return ", ".join(f"{files} {name}" for name, files in totals.items())


def why_none(entries: Sequence[PassedOver]) -> str | None:
    """What a folder without images holds instead, for an error."""
    counts = counts_of(entry for entry in entries if is_missed(entry)) or counts_of(entries)
    return described(counts) or None


def remedy_for(entries: Sequence[PassedOver]) -> str | None:
    """What makes passed-over images readable, most frequent reason first; None without any."""
    links = sum(entry.reason is Reason.LINK_OUT for entry in entries)
    formats = sum(is_other_image(entry) for entry in entries)
    if links and links >= formats:
        return "to follow links that lead out of the folder, add --set data.links=all"
    if formats:
        return "convert them to PNG or JPEG"
    return None
