"""What a video's container states about itself: where it ends and how many frames it holds.

OpenCV passes on only a number of frames, which FFmpeg takes from a header that counts empty chunks
and trimmed frames, or computes from the duration of the longest stream, often the sound. So edgefit
reads the few fields it needs. It reads headers and indexes, never a frame.
"""

from __future__ import annotations

import struct
from pathlib import Path

from edgefit.runtime.sources.containers import avi, gif, matroska, mp4, tails
from edgefit.runtime.sources.containers.extent import UNKNOWN, Extent
from edgefit.runtime.sources.containers.kind import Kind, kind_of

__all__ = ["Extent", "Kind", "kind_of", "read_extent"]

_READERS = {
    Kind.AVI: avi.read,
    Kind.GIF: gif.read,
    Kind.MATROSKA: matroska.read,
    Kind.MP4: mp4.read,
    Kind.TS: tails.read_ts,
    Kind.M2TS: tails.read_m2ts,
    Kind.FLV: tails.read_flv,
    Kind.OGG: tails.read_ogg,
    Kind.ASF: tails.read_asf,
}


def read_extent(path: Path) -> Extent:
    """What the container states, as far as edgefit reads its kind; never raises for damage.

    MPEG program streams and bare streams state nothing, so that a cut cannot be told from an end.
    """
    try:
        with path.open("rb") as file:
            reader = _READERS.get(kind_of(file.read(1024)))
            if reader is None:
                return UNKNOWN
            file.seek(0)
            return reader(file, path.stat().st_size)
    except (OSError, struct.error, LookupError, ValueError, ArithmeticError):
        return UNKNOWN
