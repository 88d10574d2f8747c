"""Tell systemd how the program is: ``READY``, ``WATCHDOG``, ``STATUS``, ``STOPPING``.

The protocol of sd_notify(3), a datagram to the socket that ``NOTIFY_SOCKET`` names:
https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

from edgefit.names import displayed

_SOCKET, _WATCHDOG_US, _WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class Systemd:
    """Where a service reports to; without ``NOTIFY_SOCKET`` nothing is sent.

    A report that cannot be sent is dropped: a run never fails for it.

    Args:
        environment: The process's own by default.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        given = os.environ if environment is None else environment
        self._address = _address(given.get(_SOCKET, ""))
        self.watchdog_s = _watchdog_s(given) if self._address else None
        self._beat_at = -float("inf")

    @property
    def listens(self) -> bool:
        """Whether anybody is told."""
        return self._address is not None

    def ready(self, status: str = "") -> None:
        """The program has started: the model is loaded and frames are answered."""
        self._send("READY=1", *_status(status))

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send(*_status(text))

    def beat(self) -> None:
        """The loop is alive. It may be called for each frame: few calls send anything."""
        now = time.monotonic()
        if self.watchdog_s is not None and now - self._beat_at >= self.watchdog_s / 4:
            self._beat_at = now
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The program ends by itself."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto("\n".join(lines).encode(), self._address)


def _address(text: str) -> str | None:
    if text.startswith("@"):  # an abstract socket of Linux, which is no file
        return "\0" + text[1:]
    return text if text.startswith("/") else None


def _watchdog_s(given: Mapping[str, str]) -> float | None:
    """Seconds within which a beat is due; None where no watchdog is on for this process."""
    span, process = given.get(_WATCHDOG_US, ""), given.get(_WATCHDOG_PID, "")
    if process not in {"", str(os.getpid())} or not (span.isascii() and span.isdigit()):
        return None
    return int(span) / 1e6 or None


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={displayed(text)}",) if text else ()
