"""Why a video cannot be opened."""

from __future__ import annotations

import struct
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.sources.containers import Kind, kind_of
from edgefit.runtime.sources.containers.avi import video_stream
from edgefit.runtime.sources.containers.matroska import walk_elements
from edgefit.runtime.sources.containers.mp4 import read_index, tracks

_START = 1 << 20
_OTHER_CODEC = (
    "decode it with a program that knows this codec, e.g. the one of the camera's maker, and save "
    "it as H.264 or as images"
)
_AGAIN = "copy the file again from the camera"


def require_readable(path: Path) -> None:
    """Check that a file can be read and is not empty.

    Raises:
        InputError: It cannot, or it is.
    """
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise InputError(
            "The video cannot be opened: the file cannot be read.",
            path=path,
            found=error.strerror,
            remedy="change its permissions, or copy it to a folder that you may read",
        ) from error
    if is_empty:
        raise _refused(path, "the file is empty", "0 bytes", _AGAIN)


def unopened(path: Path) -> InputError:
    """The error for a readable file that the decoder refuses."""
    with path.open("rb") as file:
        start = file.read(_START)
    kind = kind_of(start)
    try:
        known = _of_container(path, kind, start)
    except (struct.error, LookupError, ValueError):
        known = None
    if known is not None:
        return known
    if kind is Kind.AUDIO:
        return _no_video_stream(path, "a file of sound")
    if kind is Kind.OTHER:
        found = f"{path.stat().st_size} bytes that start with {start[:8]!r}"
        return _refused(path, "the file is not a video", found, "give a video")
    return _refused(
        path,
        "it holds no video stream that the decoder knows, or its beginning is damaged",
        f"a file of the kind {kind}",
        _AGAIN,
    )


def _of_container(path: Path, kind: Kind, start: bytes) -> InputError | None:
    if kind is Kind.MP4:
        return _of_mp4(path)
    if kind is Kind.AVI:
        return _of_avi(path, start)
    if kind is Kind.MATROSKA:
        return _of_matroska(path)
    return None


def _of_mp4(path: Path) -> InputError:
    with path.open("rb") as file:
        index, _ = read_index(file, path.stat().st_size)
    if index is None:
        return _refused(
            path,
            "the file has no index",
            f"{path.stat().st_size} bytes without a moov box: the recording was not finished, or "
            "the end of the file is missing",
            "copy the file again; if the recorder lost power, its repair function, or a tool such "
            "as untrunc with a whole recording of the same camera, can rebuild the index",
        )
    held = list(tracks(index))
    video = next((track for track in held if track.handler == "vide"), None)
    if video is None:
        return _no_video_stream(path, ", ".join(track.handler for track in held) or "no track")
    return _unknown_codec(path, video.codec)


def _of_avi(path: Path, start: bytes) -> InputError:
    stream = video_stream(start)
    if stream is not None:
        return _unknown_codec(path, stream.codec)
    if b"strh" in start:
        return _no_video_stream(path, "streams of another kind")
    return _refused(path, "its header is damaged", "no list of streams", _AGAIN)


def _of_matroska(path: Path) -> InputError:
    with path.open("rb") as file:
        found = walk_elements(file, path.stat().st_size)
    if found.track:
        return _unknown_codec(path, found.codec)
    if found.has_tracks:
        return _no_video_stream(path, "tracks of another kind")
    return _refused(path, "its header is damaged", "no list of tracks", _AGAIN)


def _unknown_codec(path: Path, codec: str) -> InputError:
    shown = codec if codec.isprintable() else repr(codec)
    what = "its codec is unknown to OpenCV's FFmpeg, or its header is damaged"
    return _refused(path, what, f"codec {shown}", _OTHER_CODEC)


def _no_video_stream(path: Path, found: str) -> InputError:
    return _refused(path, "it holds no video stream", found, "give a file with a video stream")


def _refused(path: Path, reason: str, found: str, remedy: str) -> InputError:
    return InputError(
        f"The video cannot be opened: {reason}.",
        path=path,
        expected="a video that OpenCV's FFmpeg decodes",
        found=found,
        remedy=remedy,
    )
