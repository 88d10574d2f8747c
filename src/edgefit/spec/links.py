"""How a folder's symbolic links are treated: a word of recipes and options."""

from __future__ import annotations

from enum import StrEnum


class Links(StrEnum):
    """Which symbolic links are followed.

    ``inside``: those that stay in the folder. ``all``: every link; a folder is still read once.
    ``none``: none.
    """

    INSIDE = "inside"
    ALL = "all"
    NONE = "none"
