"""The one runner of stages: the only code that reads and writes stamps.

A stamp is a small JSON file in ``RUN/stamps``: ``STAGE.started.json`` and ``STAGE.done.json``, each
with a fingerprint of the stage's inputs. A stage is done if its ``done`` stamp matches its inputs
and all stages before it are done; the runner then skips it. A killed stage leaves no ``done``
stamp, so it runs again.

One runner serves one command: it hashes each file once and checks each stage once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from edgefit.bundle import sha256_of
from edgefit.errors import DataError, EdgefitError, RunError
from edgefit.progress import QUIET, Reporter
from edgefit.records.stamp import Stamp, read_stamp, remove_stamp, write_stamp
from edgefit.run import RunFolder
from edgefit.shell import shell_line
from edgefit.stages.stage import Context, InputFiles, Stage
from edgefit.train.distributed import first_process_first, is_first_process

R = TypeVar("R")
AnyStage = type[Stage[Any]]

# Keys that the recipe gained after runs existed; while they have their default, those stay valid.
_LATER_KEYS = ("input.damaged", "input.bits", "input.max_pixels")


class FileHashes(InputFiles):
    """Hashes of files and folders, each computed once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def file(self, path: Path) -> str:
        """SHA-256 of a file's bytes."""
        if path not in self._known:
            self._known[path] = sha256_of(path)
        return self._known[path]

    def folder(self, path: Path) -> str:
        """Hash over the relative paths and sizes of all files below a folder."""
        if path not in self._known:
            self._known[path] = folder_fingerprint(path)
        return self._known[path]


class Runner:
    """Runs the stages of one run folder within one command.

    Args:
        run: The run folder.
        reporter: Where progress goes.
    """

    def __init__(self, run: RunFolder, reporter: Reporter = QUIET) -> None:
        self.folder = run
        self.reporter = reporter
        self.files = FileHashes()
        self._recipe = run.recipe()
        self._fingerprints: dict[AnyStage, str] = {}
        self._done: dict[AnyStage, bool] = {}

    def run(self, make: Callable[[Context], Stage[R]]) -> R | None:
        """Run a stage, unless it is done.

        Args:
            make: The stage's class, or a function that makes one with settings of its own.

        Returns:
            Its record; None in a training process that is not the first.

        Raises:
            RunError: An earlier stage has not finished in this run with the current inputs.
            EdgefitError: The stage refuses its input.
        """
        stage = make(Context(self.folder, self._recipe, self.reporter, self.is_done))
        kind = type(stage)
        stage.inspect()
        self.require(*kind.REQUIRES)
        if self.is_done(kind) and (earlier := self._earlier_result(stage)) is not None:
            self.reporter.say(f"[dim]{kind.NAME}: already done with these inputs[/]")
            elsewhere = kind.SEVERAL_PROCESSES and not is_first_process()
            return None if elsewhere else earlier
        stage.prepare()
        before = self.folder.recipe_bytes()
        resumable = self._begin(kind)
        try:
            record = stage.work(resumable=resumable)
        except (EdgefitError, OSError, ModuleNotFoundError):
            if before is not None and is_first_process():
                self.folder.put_back(before)
            raise
        if record is not None:
            self._end(kind, stage.outputs(record))
        return record

    def _earlier_result(self, stage: Stage[R]) -> R | None:
        """The record of a stage that is done; None where its files cannot be used any more.

        Remedies may therefore say "run the stage again" and be right.
        """
        try:
            return stage.result() if stage.holds() else None
        except (RunError, DataError) as error:
            self.reporter.warn(f"{type(stage).NAME} runs again: {error.message}")
            return None

    def run_last(self, make: Callable[[Context], Stage[R]]) -> R | None:
        """Run the last stage of a command: see :meth:`run`. The run keeps the recipe.

        A stage that is done writes nothing, but what the command overrides holds from now on.
        """
        record = self.run(make)
        self.keep_recipe()
        return record

    def keep_recipe(self) -> None:
        """Write the recipe into the run, at the end of a command that has succeeded."""
        if is_first_process():
            self.folder.keep_recipe()

    def is_done(self, kind: AnyStage) -> bool:
        """Whether the stage and all before it finished in this run with the current inputs."""
        if kind not in self._done:
            self._done[kind] = (
                (self.folder.root / kind.NAME).is_dir()
                and all(self.is_done(earlier) for earlier in kind.REQUIRES)
                and _inputs(self._stamp(kind, "done")) == self.fingerprint(kind)
            )
        return self._done[kind]

    def require(self, *kinds: AnyStage) -> None:
        """Check that earlier stages finished in this run with the current inputs.

        Raises:
            RunError: One has not, or its inputs have changed since; the message names the
                command to run.
        """
        for kind in kinds:
            if self.is_done(kind):
                continue
            self.require(*kind.REQUIRES)  # the first that is missing is the one to run
            root = self.folder.root
            if self._stamp(kind, "done") is None:
                raise RunError(
                    f"The stage `{kind.NAME}` has not finished in this run.",
                    path=root,
                    remedy=f"run `{shell_line('edgefit', kind.NAME, root)}` first",
                )
            raise RunError(
                f"The inputs of the stage `{kind.NAME}` have changed since it finished.",
                path=root,
                remedy=f"run `{shell_line('edgefit', 'build', root)}`, with the same --set options "
                "if any: it repeats the stages whose inputs have changed",
            )

    def fingerprint(self, kind: AnyStage) -> str:
        """Hash of what decides a stage's result: recipe sections, files, earlier results."""
        if kind not in self._fingerprints:
            self._fingerprints[kind] = self._compute_fingerprint(kind)
        return self._fingerprints[kind]

    def _compute_fingerprint(self, kind: AnyStage) -> str:
        sections = self._recipe.model_dump(mode="json", include=set(kind.SECTIONS))
        for dotted in kind.NOT_PART_OF_THE_RESULT:
            section, key = dotted.split(".")
            sections[section].pop(key, None)
        for dotted in _LATER_KEYS:
            section, key = dotted.split(".")
            default = type(getattr(self._recipe, section)).model_fields[key].default
            if sections.get(section, {}).get(key) == default:
                del sections[section][key]
        sections["files"] = kind.further_inputs(self.folder, self._recipe, self.files)
        stamps = {earlier.NAME: self._stamp(earlier, "done") for earlier in kind.REQUIRES}
        earlier = {name: stamp and stamp.outputs for name, stamp in stamps.items()}
        text = json.dumps([sections, earlier], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _begin(self, kind: AnyStage) -> bool:
        """Write the recipe, remove the old stamp, note the start; True if the work can resume."""
        if not kind.SEVERAL_PROCESSES:
            return self._note_start(kind)
        resumable = False
        with first_process_first():
            if is_first_process():
                resumable = self._note_start(kind)
        return resumable

    def _note_start(self, kind: AnyStage) -> bool:
        self.folder.keep_recipe()
        inputs = self.fingerprint(kind)
        resumable = _inputs(self._stamp(kind, "started")) == inputs
        remove_stamp(self.folder.root, kind.NAME, "done")
        write_stamp(self.folder.root, kind.NAME, "started", Stamp(inputs=inputs))
        if not kind.APPEARS_WHOLE:
            (self.folder.root / kind.NAME).mkdir(parents=True, exist_ok=True)
        self._forget(kind)
        return resumable

    def _end(self, kind: AnyStage, outputs: str) -> None:
        stamp = Stamp(inputs=self.fingerprint(kind), outputs=outputs)
        write_stamp(self.folder.root, kind.NAME, "done", stamp)
        self._done[kind] = True

    def _forget(self, kind: AnyStage) -> None:
        """Drop what is cached about a restarted stage and the stages after it."""
        for known in [*self._done]:
            if _comes_after(known, kind):
                del self._done[known]
        for known in [*self._fingerprints]:
            if known.NAME != kind.NAME and _comes_after(known, kind):
                del self._fingerprints[known]

    def _stamp(self, kind: AnyStage, event: str) -> Stamp | None:
        return read_stamp(self.folder.root, kind.NAME, event)


def _comes_after(later: AnyStage, kind: AnyStage) -> bool:
    same = later.NAME == kind.NAME
    return same or any(_comes_after(required, kind) for required in later.REQUIRES)


def _inputs(stamp: Stamp | None) -> str | None:
    return None if stamp is None else stamp.inputs


def folder_fingerprint(folder: Path) -> str:
    """Hash over the relative paths and sizes of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in files]
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()


def always(record: R | None) -> R:
    """The record of a stage that returns one in every process."""
    assert record is not None, "only the first of several training processes has the record"
    return record
