"""One connection to a live source: what a reconnecting source opens again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from edgefit.runtime.images.decode import DecodedImage


class StreamLost(Exception):
    """A connection failed or ended; another attempt may succeed.

    Args:
        reason: Why, in a few words without a full stop; never with a password.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Shot:
    """One frame as a connection gives it.

    Attributes:
        decode: Gives the frame and its notes, in any thread; raises FrameError.
        time_s: Presentation time in the stream, in seconds from any beginning; None where the
            stream has none.
    """

    decode: Callable[[], DecodedImage]
    time_s: float | None = None


class Connection(ABC):
    """An open connection. One thread reads and closes it."""

    pause_s: float = 0.0
    """How long the connection itself waits between two frames, as a poll does."""

    @abstractmethod
    def read(self) -> Shot | None:
        """Wait for the next frame; None where the source is there and has nothing new.

        Raises:
            StreamLost: The connection ended, or gave nothing for too long.
        """

    @abstractmethod
    def close(self) -> None:
        """Give everything back."""

    def interrupt(self) -> None:  # noqa: B027 - a driver's call cannot be interrupted
        """End a :meth:`read` that waits; called from another thread."""
