"""Which folder the inbox is: an unmounted share leaves an empty folder at the same path."""

from __future__ import annotations

import uuid
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.watch.durable import replace_saved

OWN_PREFIX = ".edgefit-watch."
"""Start of the names of watch's own files in an inbox; hidden, so never taken for images."""
_ID = f"{OWN_PREFIX}id"


class InboxAway(InputError):
    """Another folder, or none, is where the inbox was. It may come back."""


def known_id(inbox: Path) -> str | None:
    """What names this folder, wherever it is mounted; None where it has no name yet."""
    try:
        return (inbox / _ID).read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def inbox_id(inbox: Path) -> str:
    """The same; a folder without a name gets one, which stays in it.

    Raises:
        InboxAway: The folder is not there, or cannot be written to.
    """
    found = known_id(inbox)
    if found is None:
        found = uuid.uuid4().hex
        try:
            replace_saved(inbox / _ID, f"{found}\n".encode())
        except OSError as error:
            raise InboxAway(
                "The inbox cannot be written to any more.",
                path=inbox,
                found=error.strerror,
                remedy="mount it again, or give back the right to write; nothing is lost",
            ) from error
    return found
