"""Every failure edgefit reports, as one small tree.

::

    EdgefitError                      exit code 2 unless noted
    |-- InputError                    user input that cannot be used
    |   |-- RecipeError               a recipe: unknown keys, wrong values (lists all of them)
    |   |-- DataError                 a data set: folders, labels, splits, images
    |   |-- WeightsError              pretrained weights: file, hash, keys, download
    |   |-- RunError                  a run folder: missing or inconsistent stage output
    |   `-- BundleError               a bundle: manifest, version, paths
    |       `-- IntegrityError        a file's bytes do not match the manifest            (exit 1)
    |-- FrameError                    one frame cannot be read; counted, the others go on
    |-- MissingDependencyError        a role's packages are not installed; carries the command
    |-- StageError                    a stage failed (NaN loss, graph refused)
    |   `-- SourceLostError           a camera or a stream stayed away for too long       (exit 1)
    `-- GateError                     a check ran and failed                              (exit 1)

The message states what is wrong and what to do next. Its facts are also attributes, so ``--json``
and callers need not parse text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgefit.names import printable

UNEXPECTED = 70
"""Exit code of an error outside this tree: ``EX_SOFTWARE`` of sysexits(3)."""


class EdgefitError(Exception):
    """Base class of all errors that edgefit raises on purpose.

    >>> import edgefit
    >>> try:
    ...     edgefit.load("no-bundle-here")
    ... except edgefit.EdgefitError as error:
    ...     print(error.message, error.exit_code)
    No bundle is here. 2

    Args:
        message: What is wrong, in one sentence.
        path: The file or folder concerned, if any.
        key: The configuration key concerned, dotted, if any.
        expected: What would be valid.
        found: What was found instead.
        remedy: What to do next; ideally a command.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        key: str | None = None,
        expected: object = None,
        found: object = None,
        remedy: str | None = None,
    ) -> None:
        self.message = message
        self.path = None if path is None else str(path)
        self.key = key
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.message]
        for name in ("path", "key", "expected", "found"):
            value = getattr(self, name)
            if value is not None:
                lines.append(f"  {name}: {value}")
        if self.remedy:
            lines.append(f"  what to do: {self.remedy}")
        return printable("\n".join(lines))

    def to_dict(self) -> dict[str, str | list[str] | None]:
        """The error as JSON-ready facts, for ``--json``."""
        facts = {
            name: None if getattr(self, name) is None else printable(str(getattr(self, name)))
            for name in ("path", "key", "expected", "found", "remedy")
        }
        return {"error": type(self).__name__, "message": printable(self.message), **facts}


class InputError(EdgefitError):
    """A path, an option or a file from the user cannot be used."""


class RecipeError(InputError):
    """A recipe is not valid.

    Args:
        problems: Every problem found, each starting with its dotted key.
    """

    def __init__(self, message: str, *, problems: list[str] | None = None, **facts: Any) -> None:
        self.problems = problems or []
        super().__init__("\n".join([message, *(f"  - {p}" for p in self.problems)]), **facts)

    def to_dict(self) -> dict[str, str | list[str] | None]:
        """The error as JSON-ready facts, with the list ``problems``."""
        return {**super().to_dict(), "problems": self.problems}


class DataError(InputError):
    """A data set cannot be used as it is."""


class WeightsError(InputError):
    """Pretrained weights are missing, changed, or do not fit the network."""


class RunError(InputError):
    """A run folder lacks a stage's output or holds output that does not match."""


class BundleError(InputError):
    """A bundle cannot be read."""


class IntegrityError(BundleError):
    """The bytes of a bundle file do not match the manifest."""

    exit_code = 1


class FrameError(EdgefitError):
    """One frame or image cannot be read."""


class MissingDependencyError(EdgefitError):
    """Packages of a role are not installed."""


class StageError(EdgefitError):
    """A stage failed."""


class SourceLostError(StageError):
    """A live source stayed away for longer than it is waited for."""

    exit_code = 1


class GateError(EdgefitError):
    """A check ran to its end and failed."""

    exit_code = 1


def missing_weights(path: Path) -> WeightsError:
    """The error for a missing weights file."""
    return WeightsError(
        "The weights file does not exist.",
        path=path,
        expected="a .pth or .safetensors file, `imagenet` or `none`",
        remedy="check the path given with --weights",
    )


def missing_extra(package: str, extra: str) -> MissingDependencyError:
    """The error for a missing optional package, with the exact command that installs it."""
    return MissingDependencyError(
        f"The package {package!r} is not installed.",
        remedy=f'pip install "edgefit[{extra}]"',
    )
