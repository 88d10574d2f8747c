"""When frames are shown, and how many are missing between and behind those that were read."""

from __future__ import annotations

from collections import deque
from statistics import median

_REMEMBERED = 31
_FASTEST, _SLOWEST = 1000.0, 0.01


class FrameTimes:
    """The times of a video's frames, one after the other, and the gaps between them.

    The decoder repeats 0 where the container states no time, as bare streams do, and starts again
    from 0 where two recordings are joined; such a frame follows its predecessor by one interval.

    Args:
        rate: Frames per second that the container states; ignored where it is not plausible.

    Attributes:
        frames: Frames seen.
        last_s: Time of the latest frame; None before the first.
        skipped: Intervals between frames in which no frame was shown, as far as nobody explained
            them with :meth:`explain`.
        is_timed: Whether the decoder gives times.
    """

    def __init__(self, rate: float) -> None:
        self._stated = 1 / rate if _SLOWEST <= rate <= _FASTEST else 1 / 25
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)
        self._offset = 0.0
        self.frames = 0
        self.last_s: float | None = None
        self.skipped = 0
        self.is_timed = False

    @property
    def interval_s(self) -> float:
        """The usual time from frame to frame: the median of the latest ones."""
        return median(self._recent) if len(self._recent) >= 3 else self._stated

    def gap_before(self, decoder_s: float) -> int:
        """How many frames fit before a frame with this time and after its predecessor."""
        before = -self.interval_s if self.last_s is None else self.last_s
        return max(0, round((self._shown_at(decoder_s)[0] - before) / self.interval_s) - 1)

    def advance(self, decoder_s: float, explained: int) -> float:
        """Take the next frame.

        Args:
            decoder_s: The decoder's time for it, seconds.
            explained: How many frames before it are known to be damaged.

        Returns:
            Seconds from the beginning of the video.
        """
        gap = self.gap_before(decoder_s)
        time_s, self._offset = self._shown_at(decoder_s)
        if self.last_s is not None:
            # Players, too, begin a recording that lacks its first frames without a complaint.
            self.skipped += max(0, gap - explained)
            self._recent.append((time_s - self.last_s) / (explained + 1))
        self.is_timed = self.is_timed or decoder_s > 0
        self.frames += 1
        self.last_s = time_s
        return time_s

    def missing_until(self, end_s: float) -> int:
        """How many frames fit between the latest frame and the end of the video."""
        begun = 0.0 if self.last_s is None else self.last_s + self.interval_s
        return max(0, round((end_s - begun) / self.interval_s))

    def _shown_at(self, decoder_s: float) -> tuple[float, float]:
        if self.last_s is None:
            return decoder_s, 0.0
        time_s = decoder_s + self._offset
        if time_s > self.last_s:
            return time_s, self._offset
        following = self.last_s + self.interval_s
        return following, self._offset if decoder_s == 0 else following - decoder_s
