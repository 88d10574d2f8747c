"""Stop when asked: after the frame or file under way, not in the middle of it."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, Self

_ASKS = (signal.SIGTERM, signal.SIGINT)
_JOIN_S = 5.0


class Stop:
    """Notes SIGTERM and Ctrl-C while it is open. A second one has its usual effect at once.

    Where ``reopen`` is given, SIGHUP calls it, as ``logrotate`` expects; only the hang-up of the
    terminal that the program was started from asks to stop. Handlers can be set in the main thread
    alone; elsewhere, nothing is noted. They are put back at the end.

    Args:
        then: Called once when asked to stop, in a thread of its own, so it may take locks.
        reopen: Called in the handler of SIGHUP, so it must only note the wish.
    """

    def __init__(
        self,
        then: Callable[[], None] | None = None,
        reopen: Callable[[], None] | None = None,
    ) -> None:
        self._asked: signal.Signals | None = None
        self._reopen = reopen
        self._former: dict[signal.Signals, Any] = {}
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._had_terminal = has_terminal()
        self._then = (
            None
            if then is None
            else threading.Thread(target=self._call, args=(then,), name="stop", daemon=True)
        )

    @property
    def asked(self) -> signal.Signals | None:
        """The signal that asked to stop, if one has."""
        return self._asked

    def ask(self, by: signal.Signals) -> None:
        """Ask to stop."""
        self._asked = by
        self._wake()

    def wait(self, seconds: float) -> None:
        """Sleep; wake at once when asked to stop."""
        select.select([self._reading], [], [], max(seconds, 0))

    def __enter__(self) -> Self:
        # Only the main thread may set handlers.
        if threading.current_thread() is threading.main_thread():
            self._former = {sign: signal.signal(sign, self._note) for sign in _ASKS}
            if self._reopen is not None and hasattr(signal, "SIGHUP"):
                self._former[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._hang_up)
        if self._then is not None:
            self._then.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        if self._then is not None:
            self._wake()
            self._then.join(_JOIN_S)
            if self._then.is_alive():
                return  # it still reads the pipe
        os.close(self._reading)
        os.close(self._writing)

    def _call(self, then: Callable[[], None]) -> None:
        select.select([self._reading], [], [])
        if self._asked is not None:
            then()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # the pipe is full, so the reader is awake
            os.write(self._writing, b"x")

    def _note(self, number: int, frame: FrameType | None) -> None:
        for sign in _ASKS:
            signal.signal(sign, self._former.pop(sign))
        self.ask(signal.Signals(number))

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        if self._had_terminal and not has_terminal():
            self.ask(signal.Signals(number))
        elif self._reopen is not None:
            self._reopen()

    def _restore(self) -> None:
        for sign, handler in self._former.items():
            signal.signal(sign, handler)
        self._former = {}


def has_terminal() -> bool:
    """Whether this process belongs to a terminal that is still there."""
    try:
        handle = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    os.close(handle)
    return True
