"""Frames from image files: a single file, a folder or a glob."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import read_image
from edgefit.runtime.sources.source import FrameSource, PendingFrame, SourceFrame
from edgefit.runtime.walking import PassedOver
from edgefit.spec import InputSpec


class ImageSource(FrameSource):
    """Image files in the order given.

    Args:
        paths: The files.
        root: Folder that the frames' names are relative to.
        spec: The input contract: how damage, 16 bits, size and large JPEG files are handled.
        passed_over: What lies beside the files and is not read.
    """

    repeatable = True

    def __init__(
        self,
        paths: list[Path],
        root: Path,
        spec: InputSpec | None = None,
        passed_over: tuple[PassedOver, ...] = (),
    ) -> None:
        self._paths, self._root, self._spec = paths, root, spec
        self._passed_over = passed_over

    @property
    def passed_over(self) -> tuple[PassedOver, ...]:
        """What lies beside the files and is not read."""
        return self._passed_over

    @property
    def len_hint(self) -> int:
        """The number of files."""
        return len(self._paths)

    def __iter__(self) -> Iterator[SourceFrame]:
        for decode in self.pending():
            yield decode()

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """One file each."""
        for index, path in enumerate(self._paths):
            name = self._name(path)
            yield PendingFrame(name, partial(image_shot, index, name, path, path, self._spec))

    def _name(self, path: Path) -> str:
        inside = path.relative_to(self._root) if path.is_relative_to(self._root) else path
        return inside.as_posix()


def image_shot(
    index: int, name: str, image: Path | bytes, path: Path | None, spec: InputSpec | None
) -> SourceFrame:
    """The frame of one image, or why it cannot be read.

    Args:
        index: Position in the source.
        name: The frame's name.
        image: A file, or a file's bytes.
        path: The file that holds it, if any.
        spec: The input contract, for a scaled JPEG decode.
    """
    try:
        read = read_image(image, spec)
    except FrameError as refused:
        return SourceFrame(index, name, None, None, refused.message, path)
    notes = tuple(note.text for note in read.notes)
    return SourceFrame(index, name, None, read.frame, None, path, notes)
