"""GIF: a walk from block to block that counts the images.

Format: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

from __future__ import annotations

from typing import BinaryIO

from edgefit.runtime.images.gif import colour_table_length
from edgefit.runtime.sources.containers.extent import Extent

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B


def read(file: BinaryIO, size: int) -> Extent:
    """Read what a GIF holds; see :class:`Extent`."""
    header = file.read(13)
    file.seek(colour_table_length(header[10]), 1)
    frames = 0
    while block := file.read(1):
        if block[0] == _TRAILER:
            return Extent(frames=frames)
        if block[0] == _IMAGE:
            file.seek(colour_table_length(file.read(9)[8]) + 1, 1)
            frames += 1
        elif block[0] == _EXTENSION:
            file.seek(1, 1)
        else:
            return Extent(broken_at=file.tell() - 1)
        if not _skip_parts(file, size):
            break
    return Extent(is_cut=True)


def _skip_parts(file: BinaryIO, size: int) -> bool:
    """Skip a block's parts; whether its end is in the file."""
    while length := file.read(1):
        if length[0] == 0:
            return True
        file.seek(length[0], 1)
        if file.tell() > size:
            return False
    return False
