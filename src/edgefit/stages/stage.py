"""What a stage is: its name, what it depends on, and the steps that the runner takes with it.

::

    inspect   quick, also where the stage is done: refuses input that cannot be right
    holds     beyond the stamps: is what an earlier start wrote still right?
    prepare   may take time and may refuse; nothing is written
    work      from here on files are written

Only the runner calls these (:mod:`edgefit.stages.runner`). A stage's modules import torch, nncf
and the like inside functions, so that a command is refused, and a finished stage found, without
them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from edgefit.progress import Reporter
from edgefit.recipe import Recipe
from edgefit.run import RunFolder

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class Context:
    """What every stage is given.

    Attributes:
        run: The run folder.
        recipe: The run's recipe, resolved.
        reporter: Where progress and warnings go.
        is_done: Whether another stage ended here with the inputs of now.
    """

    run: RunFolder
    recipe: Recipe
    reporter: Reporter
    is_done: Callable[[type[Stage[Any]]], bool]


class InputFiles(ABC):
    """Hashes of what a stage reads besides the data set, each computed once a command."""

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
        REQUIRES: Stages that must have ended, with the inputs of now.
        NOT_PART_OF_THE_RESULT: Dotted keys of those sections that change only where and how fast.
        APPEARS_WHOLE: Whether the folder is written beside and renamed, so that it is complete or
            absent; otherwise the runner makes it.
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
        """The stage's folder; :meth:`work` finds it made."""
        return self.run.root / self.NAME

    @classmethod
    def further_inputs(cls, run: RunFolder, recipe: Recipe, files: InputFiles) -> list[str]:
        """Hashes of files that decide the result: another file at a path is another input."""
        return []

    # Three steps that a stage may leave as they are: not every stage has something to refuse.

    def inspect(self) -> None:
        """Refuse what can be seen to be wrong at once; runs even where the stage is done."""

    def holds(self) -> bool:
        """Whether an earlier result, whose stamp fits, is still right."""
        return True

    def prepare(self) -> None:
        """Do what may be refused and writes nothing."""

    @abstractmethod
    def work(self, *, resumable: bool) -> R_co | None:
        """Write the stage's files.

        Args:
            resumable: An earlier start had just these inputs and did not end, so that what it left
                behind may be taken up again.

        Returns:
            The record; None in a process that leaves the result to another one.
        """

    @abstractmethod
    def result(self) -> R_co:
        """The record of an earlier end."""

    @abstractmethod
    def outputs(self, record: R_co) -> str:  # type: ignore[misc]
        """What identifies the result, a hash, for the stages after it."""
