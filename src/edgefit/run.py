"""The run folder: what each stage wrote, and whether it still fits its inputs.

::

    RUN/
      recipe.yaml          the resolved recipe
      check/               samples.csv (frozen split), labels.json, check.json
      train/               probe.safetensors, finetuned.safetensors, best.safetensors, last.ckpt,
                           log.csv, train.json
      calibrate/           operating.json: temperature, threshold, reject and novelty rules
      retention/           retention.json: general knowledge before and after
      evaluate/            probabilities.npz, evaluation.json
      export/              a draft bundle: every variant and the golden frames
      verify/              verify.json
      benchmark/           benchmark.json
      bundle/              the verified bundle
      stamps/              which stage started and ended, with a fingerprint of its inputs

A stage whose ``done`` stamp fits its inputs is not run again; one that was killed left no such
stamp and is.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from edgefit.bundle import sha256_of
from edgefit.errors import RecipeError, RunError
from edgefit.recipe import Recipe, dump_recipe, load_recipe
from edgefit.spec import LabelMap

STAGES = (
    "check",
    "train",
    "calibrate",
    "retention",
    "evaluate",
    "export",
    "verify",
    "benchmark",
    "bundle",
)

_SECTIONS_A_STAGE_READS: dict[str, tuple[str, ...]] = {
    "check": ("data", "input"),
    "train": ("input", "model", "train", "task"),
    "calibrate": ("operating", "evaluate"),
    "retention": ("retention", "evaluate"),
    "evaluate": ("evaluate", "retention"),
    "export": ("name", "export"),
    "verify": ("verify", "evaluate"),
    "benchmark": ("benchmark",),
    "bundle": ("name", "description"),
}
_REQUIRES: dict[str, tuple[str, ...]] = {
    "check": (),
    "train": ("check",),
    "calibrate": ("check", "train"),
    "retention": ("train",),
    "evaluate": ("check", "calibrate"),
    "export": ("check", "calibrate"),
    "verify": ("check", "evaluate", "export"),
    "benchmark": ("export", "verify"),
    "bundle": ("check", "verify", "benchmark"),
}
_STUDIES = (
    ("retention", "retention.json"),
    ("retention", "comparison.json"),
    ("learning-curve", "learning-curve.json"),
)
# These do not change what training computes, only where and how fast.
_NOT_PART_OF_THE_RESULT = {"train": {"cache_mb", "workers"}}


class RunFolder:
    """Paths and stamps of one run.

    Args:
        root: The run's folder; need not exist yet.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    @property
    def recipe_path(self) -> Path:
        """The resolved recipe."""
        return self.root / "recipe.yaml"

    def stage_dir(self, stage: str) -> Path:
        """A stage's folder, made if absent."""
        folder = self.root / stage
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def recipe(self) -> Recipe:
        """The recipe this run was started with.

        Raises:
            RunError: The folder holds none.
        """
        if not self.recipe_path.is_file():
            raise RunError(
                "No run is here.",
                path=self.root,
                expected="a folder with recipe.yaml",
                remedy="give the folder that `edgefit check` or `edgefit build` wrote (--out)",
            )
        return load_recipe(self.recipe_path)

    def start(self, recipe: Recipe) -> None:
        """Make the folder and write the resolved recipe into it.

        Raises:
            RunError: The folder cannot be made, or holds a recipe of the user's own.
        """
        if self.recipe_path.exists() and not (self.root / "stamps").is_dir():
            raise RunError(
                "This folder holds a recipe and is no run; its recipe is left as it is.",
                path=self.root,
                remedy="give another folder for the run with --out",
            )
        try:
            (self.root / "stamps").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                "The run folder cannot be made.",
                path=self.root,
                expected="a folder, or a place where one can be made",
                found=error.strerror,
                remedy="give another folder with --out",
            ) from error
        if self.recipe_path.exists() and self._holds(recipe):
            return  # also spares several training processes a race for one file
        temporary = self.recipe_path.with_suffix(".yaml.part")
        dump_recipe(recipe, temporary)
        temporary.replace(self.recipe_path)

    def _holds(self, recipe: Recipe) -> bool:
        try:
            return load_recipe(self.recipe_path) == recipe
        except RecipeError:
            return False

    def labels(self) -> LabelMap:
        """The class list frozen by ``check``."""
        return LabelMap(tuple(self.read_json("check", "labels.json")["labels"]))

    # -- stage outputs -----------------------------------------------------------------------

    def write_json(self, stage: str, name: str, facts: dict[str, Any]) -> Path:
        """Write a stage's JSON file atomically; NaN is an error."""
        target = self.stage_dir(stage) / name
        write_json(target, facts)
        return target

    def read_json(self, stage: str, name: str) -> dict[str, Any]:
        """Read what a stage wrote.

        Raises:
            RunError: The file is absent or damaged.
        """
        path = self.root / stage / name
        if not path.is_file():
            again = f"remove {path.parent} and run" if self._stamp(stage) else "run"
            raise RunError(
                f"The stage `{stage}` has not left this file here.",
                path=path,
                remedy=f"{again} `edgefit {stage} {self.root}` first",
            )
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise self._damaged(stage, path, str(error)) from error
        if not isinstance(facts, dict):
            raise self._damaged(stage, path, type(facts).__name__)
        return facts

    def _damaged(self, stage: str, path: Path, found: str) -> RunError:
        return RunError(
            f"What the stage `{stage}` wrote is damaged.",
            path=path,
            expected="a JSON object",
            found=found,
            remedy=f"remove {path.parent} and run the stage again",
        )

    # -- stamps ------------------------------------------------------------------------------

    def inputs_of(self, stage: str, recipe: Recipe) -> str:
        """Fingerprint of all that decides a stage's result: recipe sections and earlier stamps."""
        sections = recipe.model_dump(mode="json", include=set(_SECTIONS_A_STAGE_READS[stage]))
        for key in _NOT_PART_OF_THE_RESULT.get(stage, set()):
            sections[stage].pop(key, None)
        sections["files"] = [*_files_read(stage, recipe), *self._studies_shown(stage)]
        earlier = {name: self._stamp(name).get("outputs") for name in _REQUIRES[stage]}
        text = json.dumps([sections, earlier], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _studies_shown(self, stage: str) -> list[str]:
        """What the report shows beside the stages' results: made by verbs of their own."""
        if stage != "bundle":
            return []
        paths = [self.root.joinpath(*parts) for parts in _STUDIES]
        return [sha256_of(path) for path in paths if path.is_file()]

    def is_done(self, stage: str, recipe: Recipe) -> bool:
        """Whether the stage, and all before it, ended here with just these inputs."""
        return (
            (self.root / stage).is_dir()
            and self._stamp(stage).get("inputs") == self.inputs_of(stage, recipe)
            and all(self.is_done(earlier, recipe) for earlier in _REQUIRES[stage])
        )

    def ended_stages(self) -> dict[Path, int]:
        """The stamps of stages that ended here, with the times (ns) at which they were written."""
        stamps = (self.root / "stamps").glob("*.done.json")
        return {path: path.stat().st_mtime_ns for path in stamps}

    def mark_done(self, stage: str, recipe: Recipe, outputs: str) -> None:
        """Stamp a stage; ``outputs`` identifies its result (a hash) for the stages after it."""
        facts = {"inputs": self.inputs_of(stage, recipe), "outputs": outputs}
        self._write_stamp(stage, "done", facts)

    def begin(self, stage: str, recipe: Recipe) -> bool:
        """Note that a stage starts; its old stamp is taken back.

        Returns:
            Whether it was started here before with just these inputs and did not end, so that
            what it left behind may be taken up again.
        """
        inputs = self.inputs_of(stage, recipe)
        resumable = self._stamp(stage, "started").get("inputs") == inputs
        self._stamp_path(stage, "done").unlink(missing_ok=True)
        self._write_stamp(stage, "started", {"inputs": inputs})
        return resumable

    def require(self, *stages: str) -> None:
        """Check that earlier stages ended here, with the inputs that stand here now.

        Raises:
            RunError: One has not, or what it was made from has changed since; names the command
                that runs it.
        """
        recipe = self.recipe()
        for stage in stages:
            if not self.is_done(stage, recipe):
                if not self._stamp(stage):
                    raise RunError(
                        f"The stage `{stage}` has not ended here.",
                        path=self.root,
                        remedy=f"run `edgefit {stage} {self.root}` first",
                    )
                raise RunError(
                    f"The stage `{stage}` ended here with other inputs than those of now.",
                    path=self.root,
                    remedy=f"run `edgefit build {self.root}`, with the same --set if there was "
                    "one: it does again what has changed",
                )

    def _stamp_path(self, stage: str, event: str) -> Path:
        return self.root / "stamps" / f"{stage}.{event}.json"

    def _write_stamp(self, stage: str, event: str, facts: dict[str, Any]) -> None:
        path = self._stamp_path(stage, event)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, facts)

    def _stamp(self, stage: str, event: str = "done") -> dict[str, Any]:
        path = self._stamp_path(stage, event)
        return self.read_json("stamps", path.name) if path.is_file() else {}


def _files_read(stage: str, recipe: Recipe) -> list[str]:
    """What a stage reads besides the data set; another file at the same path is another input."""
    general = recipe.retention.general
    if stage == "train":
        named = [Path(recipe.model.weights), Path(recipe.train.augment)]
        if recipe.train.teacher:
            named.append(recipe.train.teacher.run / "train" / "best.safetensors")
        hashes = [sha256_of(path) for path in named if path.is_file()]
        replays = recipe.train.keep.replay > 0 and general is not None
        return hashes + ([folder_fingerprint(general)] if replays and general else [])
    if stage in ("retention", "evaluate") and general is not None:
        return [folder_fingerprint(general)]
    return []


def folder_fingerprint(folder: Path) -> str:
    """Hash over the relative paths and sizes of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in files]
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()


def write_json(target: Path, facts: dict[str, Any]) -> None:
    """Write JSON atomically (beside, then renamed).

    Raises:
        ValueError: A number is NaN or infinite.
    """
    temporary = target.with_name(target.name + ".part")
    text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False)
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(target)
