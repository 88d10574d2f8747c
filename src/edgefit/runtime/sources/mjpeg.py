"""MJPEG over HTTP: one JPEG after another in an answer of ``multipart/x-mixed-replace``.

Cameras state boundaries that they do not use, lengths that are wrong and fields that are cut. So
neither is believed: an image begins with its own first marker and ends with its own last one, and
whatever lies between two images is skipped.
"""

from __future__ import annotations

import re
from collections import deque
from functools import partial

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import DecodedImage, read_image
from edgefit.runtime.sources.connection import Connection, Shot, StreamLost
from edgefit.runtime.sources.http_answer import HttpAnswer
from edgefit.spec import InputSpec

MOST_BYTES = 32 * 2**20
"""The largest image; what is larger is one error."""
_FIRST = b"\xff\xd8\xff"
_LAST = 0xD9
_START_OF_SCAN = 0xDA
_START = 0xD8
# In the coded data, 0xFF is followed by 0 (it is data), by a restart marker, or by a marker.
# The pattern begins with one literal byte, which Python's search finds twenty times as fast.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])", re.DOTALL)
# Where an image broke off, the next one begins after the empty line of its fields. Its first marker
# alone will not do: the small preview in an image's own fields has the same.
_NEXT_IMAGE = re.compile(rb"(?:(?<=\n\r\n)|(?<=\n\n))\xff\xd8\xff")
_LONGEST_START = 6
_TIMESTAMP = re.compile(rb"^X-Timestamp:\s*(\d{1,12}\.\d{1,9})\s*$", re.IGNORECASE | re.MULTILINE)
_MOST_FIELDS = 4096


class Part:
    """One image of the stream.

    Attributes:
        data: Its bytes; of a damaged one, those that came.
        whole: Whether its last marker came.
        time_s: The field ``X-Timestamp``, in seconds, or None.
    """

    __slots__ = ("data", "time_s", "whole")

    def __init__(self, data: bytes, whole: bool, time_s: float | None) -> None:
        self.data, self.whole, self.time_s = data, whole, time_s

    def decode(self, spec: InputSpec | None) -> DecodedImage:
        """The frame and its notes.

        Raises:
            FrameError: The image is cut off or damaged.
        """
        if not self.whole:
            raise FrameError(f"The image is cut off after {len(self.data)} bytes.")
        return read_image(self.data, spec)


class Parts:
    """Finds images in a stream of bytes; at most one image of ``most`` bytes is held."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._buffer = bytearray()
        self._found: deque[Part] = deque()
        self._inside = self._coded = self._torn = False
        self._at = 0
        self._time_s: float | None = None

    def feed(self, piece: bytes) -> None:
        """Add what came."""
        self._buffer += piece
        while self._step():
            pass
        if self._inside and len(self._buffer) > self._most:
            self._cut(len(self._buffer), whole=False)

    def take(self) -> Part | None:
        """The oldest image that is complete, or None."""
        return self._found.popleft() if self._found else None

    def end(self) -> None:
        """Nothing more comes: what has begun is cut off."""
        if self._inside:
            self._cut(len(self._buffer), whole=False)

    def _step(self) -> bool:
        """Whether another step may find more."""
        if not self._inside:
            return self._search()
        return self._broken() if self._torn else self._walk()

    def _search(self) -> bool:
        start = self._buffer.find(_FIRST)
        if start < 0:
            # keep the fields of the next image, and a marker that has half come
            del self._buffer[:-_MOST_FIELDS]
            return False
        stamp = _TIMESTAMP.search(self._buffer, max(0, start - _MOST_FIELDS), start)
        self._time_s = float(stamp[1]) if stamp else None
        del self._buffer[:start]
        self._inside, self._coded, self._torn, self._at = True, False, False, 2
        return True

    def _walk(self) -> bool:
        """Go on to the next marker of the image."""
        marker = _MARKER.search(self._buffer, self._at)
        if marker is None:
            rest = self._buffer[self._at :]
            if self._coded:
                self._at = max(self._at, len(self._buffer) - 1)
                return False
            # a marker must come here; it may have half come
            return self._broken() if rest.strip(b"\xff") else False
        if not self._coded and self._buffer[self._at : marker.start()].strip(b"\xff"):
            return self._broken()  # only further 0xFF may stand before a marker
        kind = marker[1][0]
        if kind == _LAST:
            self._cut(marker.end(), whole=True)
            return True
        if kind == _START:
            return self._next_begins(marker.end() - 2)
        return self._skip_segment(marker.end(), kind)

    def _next_begins(self, at: int) -> bool:
        """An image begins where this one has not ended; unless damage only looks like that."""
        if len(self._buffer) < at + len(_FIRST):
            return False
        if not self._buffer.startswith(_FIRST, at):
            return self._broken()
        self._cut(at, whole=False)
        return True

    def _skip_segment(self, after: int, kind: int) -> bool:
        if len(self._buffer) < after + 2:
            return False
        length = int.from_bytes(self._buffer[after : after + 2], "big")
        if length < 2:
            return self._broken()
        if _NEXT_IMAGE.search(self._buffer, after, after + length + len(_FIRST)):
            return self._broken()  # the image broke off, and its length reaches into the next one
        if len(self._buffer) < after + length:
            return False
        self._at, self._coded = after + length, kind == _START_OF_SCAN
        return True

    def _broken(self) -> bool:
        """Give up on this image: it ends where the next one begins."""
        if not self._torn:
            self._torn, self._at = True, 2
        following = _NEXT_IMAGE.search(self._buffer, self._at)
        if following is None:
            self._at = max(self._at, len(self._buffer) - _LONGEST_START)
            return False
        self._cut(following.start(), whole=False)
        return True

    def _cut(self, end: int, whole: bool) -> None:
        self._found.append(Part(bytes(self._buffer[:end]), whole, self._time_s))
        del self._buffer[:end]
        self._inside = False


class MjpegConnection(Connection):
    """The images of one answer; each is decoded when its frame is asked for.

    Args:
        answer: The open answer.
        spec: The input contract, for a scaled JPEG decode.
    """

    def __init__(self, answer: HttpAnswer, spec: InputSpec | None) -> None:
        self._answer, self._spec = answer, spec
        self._parts = Parts()
        self._lost: StreamLost | None = None

    def read(self) -> Shot:
        """The next image; one that is cut off is a shot that raises FrameError."""
        while (part := self._parts.take()) is None:
            if self._lost is not None:
                raise self._lost
            self._read_on()
        return Shot(partial(part.decode, self._spec), part.time_s)

    def _read_on(self) -> None:
        try:
            piece = self._answer.read_some()
            if piece:
                self._parts.feed(piece)
                return
            self._lost = StreamLost("the server closed the connection")
        except StreamLost as lost:
            self._lost = lost
        self._parts.end()

    def interrupt(self) -> None:
        """End a read that waits."""
        self._answer.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._answer.close()
