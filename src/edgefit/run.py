"""The run folder: its paths and its recipe.

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

Each JSON file has a model in :mod:`edgefit.records`. Only :mod:`edgefit.stages.runner` reads and
writes stamps.
"""

from __future__ import annotations

import os
from pathlib import Path

from edgefit.atomic import written_whole
from edgefit.errors import RecipeError, RunError
from edgefit.recipe import Recipe, dump_recipe, load_recipe
from edgefit.records.check import LabelsRecord
from edgefit.records.stamp import STAMPS
from edgefit.spec import LabelMap


class RunFolder:
    """One run: its folder and its recipe.

    A recipe given here replaces the one in the folder. It is written there when the first stage
    begins, so a command that refuses its input leaves nothing behind.

    Args:
        root: The run's folder; need not exist yet.
        recipe: The recipe from now on; None uses the folder's own.

    Raises:
        RunError: A recipe is given, and the folder cannot be created or holds a recipe without a
            run.
    """

    def __init__(self, root: str | Path, recipe: Recipe | None = None) -> None:
        self.root = Path(root)
        self._recipe = recipe
        if recipe is not None:
            self._require_usable()

    @property
    def recipe_path(self) -> Path:
        """The resolved recipe."""
        return self.root / "recipe.yaml"

    def stage_dir(self, stage: str) -> Path:
        """A stage's folder, created if absent."""
        folder = self.root / stage
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def recipe(self) -> Recipe:
        """The recipe of this run.

        Raises:
            RunError: No recipe was given, and the folder holds none.
        """
        if self._recipe is not None:
            return self._recipe
        if not self.recipe_path.is_file():
            raise RunError(
                "This folder holds no run.",
                path=self.root,
                expected="a folder with recipe.yaml",
                remedy="give the folder that `edgefit check` or `edgefit build` wrote (--out)",
            )
        return load_recipe(self.recipe_path)

    def keep_recipe(self) -> None:
        """Write the recipe into the folder; create the folder if absent.

        Raises:
            RunError: The folder cannot be created.
        """
        recipe = self.recipe()
        if self._holds(recipe) and (self.root / STAMPS).is_dir():
            return
        try:
            (self.root / STAMPS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._cannot_be_created(error.strerror or str(error)) from error
        with written_whole(self.recipe_path) as part:
            dump_recipe(recipe, part)

    def recipe_bytes(self) -> bytes | None:
        """The recipe file as it is; None if there is none."""
        return self.recipe_path.read_bytes() if self.recipe_path.is_file() else None

    def put_back(self, content: bytes) -> None:
        """Restore the recipe file of before."""
        if self.recipe_bytes() != content:
            with written_whole(self.recipe_path) as part:
                part.write_bytes(content)

    def start(self, recipe: Recipe) -> None:
        """Switch to another recipe and write it at once."""
        self._recipe = recipe
        self._require_usable()
        self.keep_recipe()

    def labels(self) -> LabelMap:
        """The class list frozen by ``check``."""
        return LabelMap(tuple(LabelsRecord.read(self.root).labels))

    def _holds(self, recipe: Recipe) -> bool:
        try:
            return self.recipe_path.is_file() and load_recipe(self.recipe_path) == recipe
        except RecipeError:
            return False

    def _require_usable(self) -> None:
        if self.recipe_path.exists() and not (self.root / STAMPS).is_dir():
            raise RunError(
                "This folder holds a recipe but is not a run; the recipe was not changed.",
                path=self.root,
                remedy="give another folder for the run with --out",
            )
        if self._recipe is not None and self._holds(self._recipe):
            return  # nothing is to be written, so a run on a read-only disk will do
        nearest = next(
            p for p in (self.root.absolute(), *self.root.absolute().parents) if p.exists()
        )
        if not nearest.is_dir():
            raise self._cannot_be_created(f"{nearest} is a file")
        if not os.access(nearest, os.W_OK):
            raise self._cannot_be_created(f"{nearest} is not writable")

    def _cannot_be_created(self, found: str) -> RunError:
        return RunError(
            "The run folder cannot be created.",
            path=self.root,
            expected="a folder, or a path where one can be created",
            found=found,
            remedy="give another folder with --out",
        )
