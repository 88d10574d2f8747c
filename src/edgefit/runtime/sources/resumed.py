"""A source without the frames that an earlier run has answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgefit.runtime.sources.source import FrameSource, PendingFrame, SourceFrame
from edgefit.runtime.walking import PassedOver


class Resumed(FrameSource):
    """Leaves out answered frames; the others keep their position, name and order.

    Images of folders and archives are left out without being decoded. Frames of a video are
    decoded, since each depends on those before it. Cameras, streams and pipes give new frames each
    time, so nothing of them is left out.

    Args:
        source: The source.
        leaves_out: Whether an earlier run has answered a frame, by its name; asked once for each
            frame, in order, such as :meth:`edgefit.runtime.sinks.Answered.leaves_out`.
        answered: How many frames that may be, for a progress bar.
    """

    def __init__(
        self, source: FrameSource, leaves_out: Callable[[str], bool], answered: int = 0
    ) -> None:
        self._source, self._leaves_out, self._answered = source, leaves_out, answered
        self._stopped = False
        self.name, self.live = source.name, source.live

    @property
    def len_hint(self) -> int | None:
        """How many frames are left; None where it is unknown."""
        whole = self._source.len_hint
        if whole is None or not self._source.repeatable:
            return whole
        return max(0, whole - self._answered)

    @property
    def passed_over(self) -> tuple[PassedOver, ...]:
        """What lies beside the images and is not read."""
        return self._source.passed_over

    def __iter__(self) -> Iterator[SourceFrame]:
        for decode in self.pending():
            yield decode()

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """The frames that are left."""
        for decode in self._source.pending():
            if self._stopped:
                return
            if not self._is_answered(decode):
                yield decode

    def stop(self) -> None:
        """End the iteration, also while frames are left out."""
        self._stopped = True
        self._source.stop()

    def _is_answered(self, decode: Callable[[], SourceFrame]) -> bool:
        # what standard input holds is known only once its first bytes are read
        if not self._source.repeatable or not isinstance(decode, PendingFrame):
            return False
        return self._leaves_out(decode.name)
