"""Where sentences for the user go: a run that lasts for months tells what happens to it."""

from __future__ import annotations

from typing import Protocol


class Voice(Protocol):
    """Where sentences for the user go. Any thread may call it."""

    def say(self, text: str) -> None:
        """Tell what happened."""
        ...

    def warn(self, text: str) -> None:
        """Tell what the user must not miss."""
        ...
