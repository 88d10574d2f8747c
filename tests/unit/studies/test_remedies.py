"""Remedies against forgetting side by side: what an arm switches on, and what is compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edgefit.cli.main import run as edgefit
from edgefit.data.frozen import frozen_samples
from edgefit.errors import InputError, RecipeError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.comparison import ComparisonRecord
from edgefit.records.figures import Figure
from edgefit.records.retention import ProbeAccuracy, ProbeRetention, RetentionRecord
from edgefit.run import RunFolder
from edgefit.stages.check import check
from edgefit.studies import remedies
from edgefit.studies.drawings import draw_comparison
from edgefit.studies.remedies import compare_remedies, parse_arm
from edgefit.studies.subruns import Measured, changed
from tests.shapes import draw_noise
from tests.unit.studies.measured import measured_as

RIGHT = {"none": 1.0, "probe": 0.5, "distill-2": 0.9, "l2-sp": 0.8, "freeze+interpolate": 0.7}
KEPT = {"none": 0.6, "probe": 1.0, "distill-2": 0.95, "l2-sp": 0.9, "freeze+interpolate": 0.8}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_noise(tmp_path_factory.mktemp("images"), ("a", "b"), count=30, side=16)


def recipe_for(pictures: Path, *overrides: str) -> Recipe:
    facts = {
        "name": "tiny",
        "data": {"root": str(pictures)},
        "input": {"width": 32, "height": 32},
        "model": {"backbone": "mobilenet_v2"},
        "retention": {"general": str(pictures)},
    }
    return make_recipe(facts, overrides)


@pytest.fixture
def run(pictures: Path, tmp_path: Path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    recipe = recipe_for(pictures)
    run.start(recipe)
    check(run)
    return run


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> dict[str, Recipe]:
    """Trainings and probes stand still; gives the recipe of each arm that was started."""
    started: dict[str, Recipe] = {}

    def train_and_measure(run: RunFolder, reporter: Reporter = QUIET) -> Measured:
        started[run.root.name] = run.recipe()
        test = frozen_samples(run).of("test")
        targets = test.targets_N()
        right = np.arange(len(targets)) < round(RIGHT[run.root.name] * len(targets))
        probabilities = np.eye(2, dtype=np.float32)[np.where(right, targets, 1 - targets)]
        return measured_as(probabilities, targets, test.labels.names, seconds=2.0)

    def retention(run: RunFolder, reporter: Reporter = QUIET, **_: Any) -> RetentionRecord:
        kept = KEPT[run.root.name]
        probe = ProbeRetention(
            before=ProbeAccuracy(value=0.5, low=0.4, high=0.6),
            after=ProbeAccuracy(value=0.5 * kept, low=0.1, high=0.6),
            kept=Figure(value=kept, low=kept - 0.05, high=kept + 0.05),
        )
        return RetentionRecord.model_construct(
            images=9, classes=3, k=10, notes=("a note",), neighbours=probe, linear=probe
        )

    monkeypatch.setattr(remedies, "train_and_measure", train_and_measure)
    monkeypatch.setattr(remedies, "retention", retention)
    return started


class TestArms:
    READ: dict[str, Callable[[Recipe], float]] = {  # noqa: RUF012
        "freeze": lambda r: r.train.freeze_stages,
        "l2-sp": lambda r: r.train.keep.l2_sp,
        "distill": lambda r: r.train.keep.distill,
        "replay": lambda r: r.train.keep.replay,
        "interpolate": lambda r: r.train.interpolation.points,
    }

    def resolved(self, name: str, recipe: Recipe) -> dict[str, float]:
        own = changed(recipe, parse_arm(name, recipe).changes)
        return {remedy: read(own) for remedy, read in self.READ.items()}

    @pytest.mark.parametrize("name", list(READ))
    def test_one_is_on_and_all_others_are_off(self, name: str, pictures: Path) -> None:
        everything = recipe_for(
            pictures,
            "train.freeze_stages=2",
            "train.keep={l2_sp: 0.3, distill: 3, replay: 2}",
            "train.interpolation.points=7",
        )
        found = self.resolved(name, everything)
        assert {remedy for remedy, value in found.items() if value} == {name}
        stated = {"freeze": 2, "l2-sp": 0.3, "distill": 3, "replay": 2, "interpolate": 7}
        assert found[name] == stated[name]

    @pytest.mark.parametrize("name", list(READ))
    def test_a_default_stands_in_where_the_recipe_has_none(self, name: str, pictures: Path) -> None:
        assert self.resolved(name, recipe_for(pictures))[name] > 0

    def test_none_is_none(self, pictures: Path) -> None:
        found = self.resolved("none", recipe_for(pictures, "train.keep.distill=3"))
        assert not any(found.values())

    def test_the_name_may_state_strengths_and_join(self, pictures: Path) -> None:
        found = self.resolved("distill=2.5+freeze=3", recipe_for(pictures, "train.keep.distill=1"))
        assert {k: v for k, v in found.items() if v} == {"distill": 2.5, "freeze": 3}

    def test_interpolation_brings_the_probe_that_it_needs(self, pictures: Path) -> None:
        recipe = recipe_for(pictures, "train.mode=full")
        own = changed(recipe, parse_arm("interpolate", recipe).changes)
        assert own.train.mode == "probe-then-full"
        assert changed(recipe, parse_arm("none", recipe).changes).train.mode == "full"

    def test_the_probe_arm_leaves_the_backbone(self, pictures: Path) -> None:
        recipe = recipe_for(pictures, "train.keep.distill=1")
        assert changed(recipe, parse_arm("probe", recipe).changes).train.mode == "probe"

    @pytest.mark.parametrize("name", ["ewc", "none+distill", "distill+", "freeze=0", "l2-sp=x"])
    def test_what_is_not_known_is_an_error(self, name: str, pictures: Path) -> None:
        with pytest.raises(InputError) as caught:
            parse_arm(name, recipe_for(pictures))
        assert caught.value.key == "--compare"


class TestComparison:
    def test_gains_and_losses_stand_side_by_side(
        self, run: RunFolder, recipes: dict[str, Recipe]
    ) -> None:
        results = compare_remedies(run, ["none", "probe", "distill=2"])
        assert ComparisonRecord.read(run.root) == results
        none, probe, distill = results.arms
        assert none.over_none is None
        assert none.over_probe is not None and none.over_probe.gain is not None
        assert distill.over_probe is not None and distill.over_probe.gain is not None
        assert none.over_probe.gain > distill.over_probe.gain > 0
        assert distill.over_none is not None and distill.over_none.gain is not None
        assert distill.over_none.gain < 0
        assert probe.over_probe is None
        assert distill.settings == {"train.keep.distill": 2.0}
        assert distill.kept.linear.value == 0.95
        assert results.notes == ("a note",)
        assert recipes["none"].train.keep.distill == 0
        assert recipes["distill-2"].train.keep.distill == 2

    def test_it_is_drawn(self, run: RunFolder, recipes: dict[str, Recipe]) -> None:
        results = compare_remedies(run, ["none", "l2-sp", "freeze+interpolate"])
        svg, png = (run.root / "retention" / name for name in results.drawings)
        assert "freeze+interpolate" in svg.read_text()
        assert cv2.imread(str(png)) is not None

    def test_a_start_that_knew_nothing_leaves_no_point(
        self, run: RunFolder, recipes: dict[str, Recipe], tmp_path: Path
    ) -> None:
        results = compare_remedies(run, ["none", "l2-sp"])
        none, held = results.arms
        unknown = held.kept.model_copy(update={"linear": Figure(value=None, low=None, high=None)})
        arms = (none, held.model_copy(update={"kept": unknown}))
        svg, _ = draw_comparison(tmp_path, results.model_copy(update={"arms": arms}))
        text = (tmp_path / svg).read_text()
        assert "none" in text
        assert "l2-sp" not in text

    def test_all_arms_have_the_same_images(
        self, run: RunFolder, recipes: dict[str, Recipe]
    ) -> None:
        compare_remedies(run, ["none", "probe"])
        for arm in ("none", "probe"):
            subrun = RunFolder(run.root / "retention/compare" / arm)
            assert frozen_samples(subrun).samples == frozen_samples(run).samples

    @pytest.mark.parametrize("arms", [[], ["none", "none"], ["all", "none"]])
    def test_arms_are_named_once(
        self, arms: list[str], run: RunFolder, recipes: dict[str, Recipe]
    ) -> None:
        with pytest.raises(InputError) as caught:
            compare_remedies(run, arms)
        assert caught.value.key == "--compare"
        assert not recipes

    def test_a_probe_has_nothing_to_forget(self, run: RunFolder, pictures: Path) -> None:
        with pytest.raises(RecipeError, match=r"train\.mode"):
            compare_remedies(run, ["none"], recipe=recipe_for(pictures, "train.mode=probe"))

    def test_without_general_images_nothing_is_trained(
        self, run: RunFolder, recipes: dict[str, Recipe]
    ) -> None:
        facts = run.recipe().model_dump(mode="json")
        recipe = make_recipe(facts | {"retention": {}})
        with pytest.raises(RecipeError, match=r"retention\.general"):
            compare_remedies(run, ["none"], recipe=recipe)
        assert not recipes

    def test_the_program_sets_strengths_for_the_arms_alone(
        self,
        run: RunFolder,
        recipes: dict[str, Recipe],
        pictures: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        before = run.recipe()
        arguments = ["retention", str(run.root), "--general", str(pictures), "--quiet"]
        arguments += ["--compare", "none,l2-sp", "--set", "train.keep.l2_sp=0.07"]
        assert edgefit(arguments) == 0
        printed = capsys.readouterr().out
        assert "l2-sp" in printed
        assert "a note" in printed
        assert recipes["l2-sp"].train.keep.l2_sp == 0.07
        assert recipes["none"].train.keep.l2_sp == 0
        assert run.recipe().train == before.train
