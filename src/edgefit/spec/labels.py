"""The class list, in the order of a network's outputs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from edgefit.errors import InputError


@dataclass(frozen=True)
class LabelMap:
    """Class names in the order of the network's outputs. Frozen at the start of a run.

    >>> import edgefit
    >>> edgefit.LabelMap(("good", "scratch")).index("scratch")
    1
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise InputError("Class names repeat.", key="labels", found=twice)

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a class.

        Raises:
            InputError: No class has this name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(
                "The label is not in the class list.", expected=list(self.names), found=name
            ) from None

    @property
    def sha256(self) -> str:
        """Hash over the ordered names; equal hashes mean equal classes in the same order."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()
