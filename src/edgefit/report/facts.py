"""What the stages of a run wrote, read once, for the page and for the model card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.bundle import Manifest, Variant
from edgefit.data.stage import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.errors import RunError
from edgefit.recipe import Recipe
from edgefit.run import RunFolder
from edgefit.runtime.selftest import GOLDEN_FILE, GOLDEN_FOLDER
from edgefit.train.backbones.card import BackboneCard, load_card

Facts = dict[str, Any]


@dataclass(frozen=True)
class RunFacts:
    """Everything a report says comes from here.

    Attributes:
        recipe: The resolved recipe of the run.
        manifest: The manifest of the bundle that the report will lie in.
        card: The card of the backbone.
        check: ``check.json``.
        training: ``train.json``.
        evaluation: ``evaluation.json``, of the trained network.
        verification: ``verify.json``.
        benchmark: ``benchmark.json``.
        golden: ``golden.json`` of the export.
        golden_folder: Where the golden frames lie.
        test: The held-out samples.
        probabilities_NC: What the trained network gave for them, ``float32`` (N, C), 0 to 1.
    """

    recipe: Recipe
    manifest: Manifest
    card: BackboneCard
    check: Facts
    training: Facts
    evaluation: Facts
    verification: Facts
    benchmark: Facts
    golden: Facts
    golden_folder: Path
    test: SampleTable
    probabilities_NC: NDArray[np.float32]

    @property
    def labels(self) -> list[str]:
        """Class names in output order."""
        return self.manifest.labels

    @property
    def metric(self) -> str:
        """The metric that the gate bounds and the report leads with."""
        return self.recipe.verify.metric

    @property
    def confidence(self) -> str:
        """Level of all intervals, such as ``95 %``."""
        return f"{self.evaluation['confidence'] * 100:g} %"

    @property
    def recommended(self) -> Variant:
        """The variant to run; the first one where nothing was recommended."""
        name = self.manifest.recommended.get("default")
        fitting = [v for v in self.manifest.variants if str(v.key) == name]
        return (fitting or self.manifest.variants)[0]

    @cached_property
    def targets_N(self) -> NDArray[np.int64]:
        """True class of each held-out image, ``int64`` (N,)."""
        return self.test.targets_N()

    @cached_property
    def answers_N(self) -> NDArray[np.int64]:
        """Most probable class of each held-out image, ``int64`` (N,)."""
        best: NDArray[np.int64] = self.probabilities_NC.argmax(axis=1)
        return best

    @cached_property
    def confidence_N(self) -> NDArray[np.float32]:
        """Probability of that class, ``float32`` (N,)."""
        best: NDArray[np.float32] = self.probabilities_NC.max(axis=1)
        return best

    def measured(self, variant: str) -> Facts | None:
        """What ``benchmark`` measured for a variant; None where it measured nothing."""
        for entry in self.benchmark["variants"]:
            if entry["variant"] == variant and not entry.get("error"):
                return dict(entry)
        return None


def gather(run: RunFolder, manifest: Manifest) -> RunFacts:
    """Read what the stages wrote.

    Requires the stages ``check`` to ``benchmark``.

    Raises:
        RunError: A stage has not ended here, or its output does not fit the others.
    """
    run.require("check", "train", "evaluate", "export", "verify", "benchmark")
    recipe = run.recipe()
    test = frozen_samples(run).of("test")
    path = run.root / "evaluate" / "probabilities.npz"
    with np.load(path, allow_pickle=False) as saved:
        probabilities_NC = saved["probabilities"]
    expected = (len(test), len(manifest.labels))
    if probabilities_NC.shape != expected:
        raise RunError(
            "The evaluation belongs to another table of samples.",
            path=path,
            expected=f"probabilities of shape {expected}",
            found=probabilities_NC.shape,
            remedy=f"run `edgefit evaluate {run.root}` again",
        )
    return RunFacts(
        recipe=recipe,
        manifest=manifest,
        card=load_card(recipe.model.backbone),
        check=run.read_json("check", "check.json"),
        training=run.read_json("train", "train.json"),
        evaluation=run.read_json("evaluate", "evaluation.json"),
        verification=run.read_json("verify", "verify.json"),
        benchmark=run.read_json("benchmark", "benchmark.json"),
        golden=run.read_json("export", f"{GOLDEN_FOLDER}/{GOLDEN_FILE}"),
        golden_folder=run.root / "export" / GOLDEN_FOLDER,
        test=test,
        probabilities_NC=probabilities_NC,
    )
