"""Something done again and again beside the run, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_JOIN_S = 5.0


class Ticking:
    """Calls an action every few seconds while it is open, first after one interval.

    Args:
        action: What to do; it must not raise.
        interval_s: Seconds between two calls.
        name: Of the thread.
    """

    def __init__(self, action: Callable[[], None], interval_s: float, name: str) -> None:
        self._action, self._interval_s = action, interval_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._ended.wait(self._interval_s):
            self._action()
