"""Frames from image files: a single file, a folder or a glob."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import read_image
from edgefit.runtime.sources.source import FrameSource, SourceFrame
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
        for index, path in enumerate(self._paths):
            inside = path.relative_to(self._root) if path.is_relative_to(self._root) else path
            frame, error = None, None
            notes: tuple[str, ...] = ()
            try:
                image = read_image(path, self._spec)
                frame, notes = image.frame, tuple(note.text for note in image.notes)
            except FrameError as refused:
                error = refused.message
            yield SourceFrame(index, inside.as_posix(), None, frame, error, path, notes)
