"""A stage: its name, its dependencies, and the steps that the runner calls.

::

    inspect   quick, runs even if the stage is done: refuses invalid input
    holds     beyond the stamps: is the earlier result still valid?
    prepare   may take time and may refuse; writes nothing
    work      writes the stage's files

Only the runner calls these (:mod:`edgefit.stages.runner`). A stage's modules import torch, nncf
and the like inside functions, so that a command can be refused, and a finished stage found, without
them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from edgefit.errors import missing_extra
from edgefit.packages import module_of, required_packages
from edgefit.progress import Reporter
from edgefit.recipe import Recipe
from edgefit.run import RunFolder

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class Context:
    """What the runner gives to every stage.

    Attributes:
        run: The run folder.
        recipe: The run's recipe, resolved.
        reporter: Where progress and warnings go.
        is_done: Whether another stage finished in this run with the current inputs.
    """

    run: RunFolder
    recipe: Recipe
    reporter: Reporter
    is_done: Callable[[type[Stage[Any]]], bool]


class InputFiles(ABC):
    """Hashes of what a stage reads besides the data set, each computed once per command."""

    @abstractmethod
    def file(self, path: Path) -> str:
        """SHA-256 of a file's bytes."""

    @abstractmethod
    def folder(self, path: Path) -> str:
        """Hash over the relative paths and sizes of all files below a folder."""


class Stage(ABC, Generic[R_co]):
    """One verb of ``build``.

    Attributes:
        NAME: The verb, and the stage's folder in a run.
        SECTIONS: Recipe sections that decide the result.
        REQUIRES: Stages that must have finished with the current inputs.
        NOT_PART_OF_THE_RESULT: Dotted keys of those sections that change only where and how fast
            the stage runs.
        APPEARS_WHOLE: Whether the stage writes its folder under another name and renames it, so
            that it is complete or absent; otherwise the runner creates the folder.
        SEVERAL_PROCESSES: Whether ``torchrun`` may start it in several processes.
    """

    NAME: ClassVar[str]
    SECTIONS: ClassVar[tuple[str, ...]]
    REQUIRES: ClassVar[tuple[type[Stage[Any]], ...]] = ()
    NOT_PART_OF_THE_RESULT: ClassVar[tuple[str, ...]] = ()
    APPEARS_WHOLE: ClassVar[bool] = False
    SEVERAL_PROCESSES: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        self.context = context
        self.run = context.run
        self.recipe = context.recipe
        self.reporter = context.reporter

    @property
    def folder(self) -> Path:
        """The stage's folder; the runner creates it before :meth:`work`, see ``APPEARS_WHOLE``."""
        return self.run.root / self.NAME

    @classmethod
    def further_inputs(cls, run: RunFolder, recipe: Recipe, files: InputFiles) -> list[str]:
        """Hashes of other files that decide the result: a changed file is a changed input."""
        return []

    # Three optional steps: not every stage has something to refuse.

    def inspect(self) -> None:
        """Refuse input that is obviously wrong; runs even if the stage is done."""

    def holds(self) -> bool:
        """Whether an earlier result with a matching stamp is still valid."""
        return True

    def prepare(self) -> None:
        """Do the work that may refuse its input and writes nothing."""

    @abstractmethod
    def work(self, *, resumable: bool) -> R_co | None:
        """Write the stage's files.

        Args:
            resumable: An earlier start had exactly these inputs and did not finish, so this one may
                continue from its files.

        Returns:
            The record; None in a process that leaves the result to another one.
        """

    @abstractmethod
    def result(self) -> R_co:
        """The record of an earlier, finished start."""

    @abstractmethod
    def outputs(self, record: R_co) -> str:  # type: ignore[misc]
        """A hash that identifies the result for the stages after it."""


def require_packages(role: str) -> None:
    """Refuse what needs the packages of a role where one of them is not installed.

    Where it is unknown which packages these are, the stage that lacks one reports it.

    Raises:
        MissingDependencyError: One is missing; carries the command that installs it.
    """
    for package in required_packages(role) or ():
        if find_spec(module_of(package)) is None:
            raise missing_extra(package, role)
