"""Stop when asked: after the current file, not in the middle of it."""

from __future__ import annotations

import os
import select
import signal
import threading
from types import FrameType
from typing import Any, Self

_ASKS = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Notes SIGTERM and Ctrl-C while it is open. A second one has its usual effect at once."""

    def __init__(self) -> None:
        self._asked: signal.Signals | None = None
        self._former: dict[signal.Signals, Any] = {}
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)

    @property
    def asked(self) -> signal.Signals | None:
        """The signal that asked to stop, if one has."""
        return self._asked

    def ask(self, by: signal.Signals) -> None:
        """Ask to stop."""
        self._asked = by
        os.write(self._writing, b"x")

    def wait(self, seconds: float) -> None:
        """Sleep; wake at once when asked to stop."""
        select.select([self._reading], [], [], max(seconds, 0))

    def __enter__(self) -> Self:
        # Only the main thread may set handlers.
        if threading.current_thread() is threading.main_thread():
            self._former = {sign: signal.signal(sign, self._note) for sign in _ASKS}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        os.close(self._reading)
        os.close(self._writing)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._restore()
        self.ask(signal.Signals(number))

    def _restore(self) -> None:
        for sign, handler in self._former.items():
            signal.signal(sign, handler)
        self._former = {}
