"""Cuts a stream of bytes into JPEG images, wherever the pieces of the stream begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto

MAX_JPEG_BYTES = 64 * 2**20
"""A longer image is an error, so that the buffer stays bounded."""

_BEGIN = b"\xff\xd8\xff"
# After damage, the next image begins behind an end or the header of a part: an embedded thumbnail,
# which does not, must not be taken for an image.
_BEGIN_AFTER_DAMAGE = re.compile(rb"(?:\xff\xd9[\x00\xff\s]*|\n\r?\n)(?=\xff\xd8\xff)", re.DOTALL)
_IMAGE_IN_IMAGE = re.compile(rb"\xff\xd9[\x00\xff\s]*\xff\xd8\xff", re.DOTALL)
_LONGEST_GAP = 2**16
_END_OF_IMAGE, _BEGIN_OF_IMAGE, _SCAN = 0xD9, 0xD8, 0xDA
# In the data of a scan, 0xff is followed by 0x00 or by a restart marker (ITU-T T.81, B.1.1.5).
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]", re.DOTALL)
# Tables and the headers of further scans; their lengths are small.
_BETWEEN_SCANS = frozenset([0xC4, 0xDA, 0xDB, 0xDC, 0xDD])
_LONGEST_BETWEEN_SCANS = 4096
_PADDING = re.compile(rb"[\x00\xff\s]*\Z")
# between the images of `ffmpeg -f mpjpeg` and of HTTP cameras
_MULTIPART = re.compile(rb"\s*(--[^\r\n]*|[A-Za-z-]+: ?[^\r\n]*)?(\r?\n|--|\Z)")


class _Place(Enum):
    BETWEEN = auto()
    SEGMENTS = auto()
    SCAN = auto()
    DAMAGE = auto()


class JpegSplitter:
    """Finds where each JPEG ends by walking its segments (ITU-T T.81, annex B).

    An end marker in an embedded thumbnail is thus not taken for the end. Bytes that belong to no
    image become one error for each gap, except for padding and the headers of a multipart stream.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._place = _Place.BETWEEN
        self._position = 0
        """Where in the image that begins the buffer to go on."""
        self._stray = 0

    def split(self, data: bytes) -> Iterator[bytes | str]:
        """The images that are complete with these further bytes, or why one is missing."""
        self._buffer += data
        while True:
            if self._place is _Place.DAMAGE:
                self._pass_damage()
            elif self._place is _Place.BETWEEN:
                yield from self._gap()
            if not self._is_inside():
                return
            found = self._walk()
            if found is None and len(self._buffer) > MAX_JPEG_BYTES:
                self._leave(len(_BEGIN), _Place.DAMAGE)
                found = f"A JPEG of the stream is longer than {MAX_JPEG_BYTES} bytes."
            if found is None:
                return
            yield found

    def end(self) -> Iterator[bytes | str]:
        """What is left when the stream ends."""
        while self._is_inside() and _IMAGE_IN_IMAGE.search(self._buffer) is not None:
            yield self._damaged()
            yield from self.split(b"")
        if self._is_inside():
            yield f"The stream ends inside a JPEG, after {len(self._buffer)} bytes of it."
        elif self._place is _Place.BETWEEN:
            self._stray += len(self._told(self._buffer))
            if self._stray:
                yield self._gap_error()
        self._buffer.clear()
        self._place, self._stray = _Place.BETWEEN, 0

    def _is_inside(self) -> bool:
        return self._place in (_Place.SEGMENTS, _Place.SCAN)

    def _gap(self) -> Iterator[str]:
        """Go to the next beginning of an image."""
        begin = self._buffer.find(_BEGIN)
        if begin < 0 and len(self._buffer) < _LONGEST_GAP:
            return  # the rest of a header may follow
        # what may be the first bytes of a beginning stays
        passed = begin if begin >= 0 else len(self._buffer) - len(_BEGIN) + 1
        self._stray += len(self._told(self._buffer[:passed]))
        del self._buffer[:passed]
        if begin < 0:
            return
        if self._stray:
            yield self._gap_error()
        self._begin()

    def _pass_damage(self) -> None:
        """Go to the beginning that follows a damaged image; its error is given already."""
        found = _BEGIN_AFTER_DAMAGE.search(self._buffer)
        if found is not None:
            del self._buffer[: found.end()]
            self._begin()
        elif len(self._buffer) > _LONGEST_GAP:
            del self._buffer[: -_LONGEST_GAP // 2]

    def _begin(self) -> None:
        self._stray, self._place, self._position = 0, _Place.SEGMENTS, 2

    def _gap_error(self) -> str:
        return f"{self._stray} bytes of the stream do not belong to a JPEG."

    @staticmethod
    def _told(gap: bytes | bytearray) -> bytes | bytearray:
        """What of a gap is neither padding nor the header of a part."""
        position = 0
        while position < len(gap) and not _PADDING.match(gap, position):
            line = _MULTIPART.match(gap, position)
            if line is None or line.end() == position:
                return gap
            position = line.end()
        return b""

    def _walk(self) -> bytes | str | None:
        """The image at the beginning of the buffer; None where more bytes are needed."""
        while True:
            if self._place is _Place.SCAN:
                marker = _MARKER_IN_SCAN.search(self._buffer, self._position)
                if marker is None:
                    self._position = max(self._position, len(self._buffer) - 1)
                    return None
                self._position = marker.start()
            if self._position + 2 > len(self._buffer):
                return None
            first, code = self._buffer[self._position], self._buffer[self._position + 1]
            if first != 0xFF:
                return self._damaged()
            if code == _BEGIN_OF_IMAGE:
                self._leave(self._position, _Place.BETWEEN)
                return "A JPEG of the stream is cut off: the next one begins in it."
            if code == _END_OF_IMAGE:
                return self._cut()
            length = self._length(code)
            if length is None:
                return None
            if self._place is _Place.SCAN and not (
                code in _BETWEEN_SCANS and length <= _LONGEST_BETWEEN_SCANS
            ):
                return self._damaged()
            self._position += length
            if code == _SCAN:
                self._place = _Place.SCAN

    def _length(self, code: int) -> int | None:
        """Bytes of the segment with its marker; None where its length is not there yet."""
        if code == 0xFF:  # a fill byte
            return 1
        if code in (0x00, 0x01) or 0xD0 <= code <= 0xD7:
            return 2
        if self._position + 4 > len(self._buffer):
            return None
        return 2 + int.from_bytes(self._buffer[self._position + 2 : self._position + 4], "big")

    def _cut(self) -> bytes | str:
        image = bytes(memoryview(self._buffer)[: self._position + 2])
        if _IMAGE_IN_IMAGE.search(image) is not None:
            return self._damaged()  # a wrong length leads past the end
        self._leave(self._position + 2, _Place.BETWEEN)
        return image

    def _damaged(self) -> str:
        # from its beginning, since a wrong length may lead past the next image
        self._leave(len(_BEGIN), _Place.DAMAGE)
        return "A JPEG of the stream is damaged."

    def _leave(self, length: int, place: _Place) -> None:
        del self._buffer[:length]
        self._place = place
