"""Learning curves: fair arms, sub-runs that are handed their table, honest sentences."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.cli.main import run as edgefit
from edgefit.data.frozen import frozen_samples
from edgefit.errors import InputError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.check import CheckRecord
from edgefit.records.figures import Figure
from edgefit.records.learning_curve import CurvePoint, CurveStep, LearningCurveRecord
from edgefit.run import RunFolder
from edgefit.stages.check import check
from edgefit.studies import learning_curve as curves
from edgefit.studies.learning_curve import (
    SCRATCH_RATE,
    CurveConfig,
    conclusion,
    epochs_at,
    learning_curve,
    recipe_of,
)
from edgefit.studies.subruns import Measured, changed, start_subrun, train_and_measure
from edgefit.studies.subsample import subsample
from tests.stamps import is_done, mark_done
from tests.unit.studies.measured import measured_as

FAST = ["input.width=32", "input.height=32", "model.backbone=mobilenet_v3_small"] + [
    f"train.{setting}" for setting in ("epochs=2", "batch_size=8", "workers=0", "accelerator=cpu")
]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 40 dark or bright pixel pictures."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, level in (("bright", 150), ("dark", 50)):
        (root / name).mkdir()
        for number in range(30):
            picture = rng.integers(level, level + 60, (40, 40, 3), dtype=np.uint8)
            assert cv2.imwrite(str(root / name / f"{number}.png"), picture)
    return root


@pytest.fixture
def run(pictures: Path, tmp_path: Path) -> RunFolder:
    """A run whose data are checked."""
    run = RunFolder(tmp_path / "run")
    recipe = recipe_for(pictures)
    run.start(recipe)
    check(run)
    return run


def recipe_for(pictures: Path, *overrides: str) -> Recipe:
    facts = {"name": "tiny", "data": {"root": str(pictures)}, "model": {"weights": "none"}}
    return make_recipe(facts, [*FAST, *overrides])


class FakeTraining:
    """Answers right for a share of the test images that grows with the training images."""

    def __init__(self) -> None:
        self.runs: list[RunFolder] = []

    def __call__(self, run: RunFolder, reporter: Reporter = QUIET) -> Measured:
        self.runs.append(run)
        table = frozen_samples(run)
        test = table.of("test")
        scratch = run.root.name.startswith("scratch")
        share = min(1.0, len(table.of("train")) / (80 if scratch else 40))
        targets = test.targets_N()
        right = np.arange(len(targets)) < round(share * len(targets))
        answers = np.where(right, targets, 1 - targets)
        probabilities = np.eye(2, dtype=np.float32)[answers] * 0.8 + 0.1
        return measured_as(probabilities, targets, test.labels.names, seconds=1.0)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    fake = FakeTraining()
    monkeypatch.setattr(curves, "train_and_measure", fake)
    return fake


class TestEpochs:
    def test_all_images_take_the_recipes_epochs(self) -> None:
        assert epochs_at(1.0, 12, 0.5) == 12

    @pytest.mark.parametrize(
        ("fraction", "scale", "expected"),
        [
            (0.5, 0.5, 17),
            (0.25, 0.5, 24),
            (0.05, 0.5, 24),
            (0.05, 1, 48),
            (0.5, 1, 24),
            (0.05, 0, 12),
            (1 / 3, 1, 36),
        ],
    )
    def test_fewer_images_take_more_up_to_a_bound(
        self, fraction: float, scale: float, expected: int
    ) -> None:
        assert epochs_at(fraction, 12, scale) == expected


class TestRecipes:
    def test_both_arms_take_the_same_steps(self, pictures: Path) -> None:
        recipe = recipe_for(pictures, "train.early_stopping.patience=3")
        tuned, scratch = (recipe_of(recipe, arm, 7) for arm in ("finetune", "scratch"))
        for own in (tuned, scratch):
            assert (own.train.epochs, own.train.early_stopping.patience) == (7, 0)
            assert own.train.keep_epoch == "best"
            assert own.train.batch_size == recipe.train.batch_size
        assert tuned.train.learning_rate == recipe.train.learning_rate
        assert scratch.train.learning_rate == SCRATCH_RATE > recipe.train.learning_rate

    def test_scratch_has_nothing_of_the_pretrained_start(self, pictures: Path) -> None:
        recipe = recipe_for(
            pictures,
            "model.weights=imagenet",
            "train.keep.l2_sp=0.1",
            "train.freeze_stages=2",
            "train.interpolation.points=5",
        )
        scratch = recipe_of(recipe, "scratch", 3)
        assert scratch.model.weights == "none"
        assert scratch.train.mode == "full"
        assert scratch.train.batch_norm == "learned"
        assert scratch.train.layer_decay == 1
        assert scratch.train.freeze_stages == 0
        assert scratch.train.interpolation.points == 0
        assert scratch.train.keep.l2_sp == 0
        tuned = recipe_of(recipe, "finetune", 3)
        assert tuned.model.weights == "imagenet"
        assert tuned.train.keep.l2_sp == 0.1

    def test_no_threshold_can_refuse_a_weak_network(self, pictures: Path) -> None:
        recipe = recipe_for(
            pictures, "operating.good=bright", "operating.max_escape=0.01", "operating.coverage=0.9"
        )
        own = recipe_of(recipe, "finetune", 3).operating
        assert (own.max_escape, own.coverage, own.novelty) == (None, None, False)
        assert own.temperature


class TestSubrun:
    def test_it_has_its_part_of_the_parents_table(self, run: RunFolder, tmp_path: Path) -> None:
        table = subsample(frozen_samples(run), 0.25)
        subrun = start_subrun(run, tmp_path / "sub", run.recipe(), table)
        assert frozen_samples(subrun).samples == table.samples
        assert subrun.labels() == run.labels()
        record = CheckRecord.read(subrun.root)
        assert record.images == len(table) < len(frozen_samples(run))

    def test_starting_again_keeps_what_it_has(self, run: RunFolder, tmp_path: Path) -> None:
        table = subsample(frozen_samples(run), 0.25)
        subrun = start_subrun(run, tmp_path / "sub", run.recipe(), table)
        subrun.stage_dir("train")
        mark_done(subrun, "train", "weights")
        assert is_done(start_subrun(run, tmp_path / "sub", run.recipe(), table), "train")

    def test_other_images_are_another_training(self, run: RunFolder, tmp_path: Path) -> None:
        table = frozen_samples(run)
        subrun = start_subrun(run, tmp_path / "sub", run.recipe(), subsample(table, 0.25))
        subrun.stage_dir("train")
        mark_done(subrun, "train", "weights")
        start_subrun(run, tmp_path / "sub", run.recipe(), subsample(table, 0.5))
        assert not is_done(subrun, "train")

    def test_checking_it_by_hand_does_not_draw_its_images_anew(
        self, run: RunFolder, tmp_path: Path
    ) -> None:
        table = subsample(frozen_samples(run), 0.25)
        subrun = start_subrun(run, tmp_path / "sub", run.recipe(), table)
        check(subrun)
        assert frozen_samples(subrun).samples == table.samples


class TestLearningCurve:
    def test_points_rise_and_are_written_down(self, run: RunFolder, fake: FakeTraining) -> None:
        config = CurveConfig((100, 10, 50), against_scratch=True)
        results = learning_curve(run, config)
        assert LearningCurveRecord.read(run.root) == results
        assert [(p.arm, p.percent) for p in results.points] == [
            (arm, percent) for percent in (10, 50, 100) for arm in ("finetune", "scratch")
        ]
        assert {r.root.name for r in fake.runs} >= {"finetune-010", "scratch-100"}
        images = [p.images for p in results.points if p.arm == "finetune"]
        assert images == sorted(images)
        assert images[-1] == len(frozen_samples(run).of("train"))
        assert results.step is not None and results.step.gain is not None
        assert (results.step.start, results.step.end) == (50, 100)
        assert results.step.gain > 0
        assert [a.percent for a in results.advantage] == [10, 50, 100]
        for a in results.advantage[1:]:
            assert a.gain is not None and a.low is not None and a.high is not None
            assert a.gain > 0 and a.low <= a.gain <= a.high
        assert results.points[0].epochs == results.points[1].epochs
        assert f"ceil({run.recipe().train.epochs} x" in results.rule

    def test_a_curve_of_probes_speaks_of_no_epochs(
        self, run: RunFolder, fake: FakeTraining
    ) -> None:
        probes = changed(run.recipe(), {"train.mode": "probe"})
        results = learning_curve(run, CurveConfig((10, 100)), recipe=probes)
        assert [point.epochs for point in results.points] == [0, 0]
        assert results.rule.startswith("At each fraction a probe is fitted")
        assert "epochs" not in results.rule

    def test_all_points_answer_to_the_same_test_images(
        self, run: RunFolder, fake: FakeTraining
    ) -> None:
        learning_curve(run, CurveConfig((10, 100)))
        first, second = (frozen_samples(r) for r in fake.runs)
        assert first.of("test").samples == second.of("test").samples
        assert first.of("val").samples == second.of("val").samples
        assert len(first.of("train")) < len(second.of("train"))

    def test_it_is_drawn(self, run: RunFolder, fake: FakeTraining) -> None:
        results = learning_curve(run, CurveConfig((10, 100), against_scratch=True))
        svg, png = (run.root / "learning-curve" / name for name in results.drawings)
        text = svg.read_text()
        assert "fine-tuned" in text
        assert "from random weights" in text
        drawn = cv2.imread(str(png))
        assert drawn is not None
        assert drawn.std() > 0

    def test_one_fraction_makes_no_claim(self, run: RunFolder, fake: FakeTraining) -> None:
        results = learning_curve(run, CurveConfig((100,)))
        assert results.step is None
        assert "two fractions" in results.conclusion

    def test_the_program_prints_it(
        self, run: RunFolder, fake: FakeTraining, capsys: pytest.CaptureFixture[str]
    ) -> None:
        arguments = ["learning-curve", str(run.root), "--fractions", "10,100", "--against-scratch"]
        assert edgefit([*arguments, "--quiet"]) == 0
        printed = capsys.readouterr().out
        assert "finetune" in printed
        assert "training images" in printed
        assert edgefit([*arguments, "--json", "--quiet"]) == 0
        assert len(json.loads(capsys.readouterr().out)["points"]) == 4

    def test_the_program_sets_keys_for_the_points_alone(
        self, run: RunFolder, fake: FakeTraining
    ) -> None:
        arguments = ["learning-curve", str(run.root), "--fractions", "100", "--json", "--quiet"]
        assert edgefit([*arguments, "--set", "train.learning_rate=0.0123"]) == 0
        assert fake.runs[0].recipe().train.learning_rate == 0.0123
        assert run.recipe().train.learning_rate != 0.0123

    @pytest.mark.parametrize("fractions", ["0,50", "101", "a", ","])
    def test_wrong_fractions_are_an_error(
        self, run: RunFolder, fractions: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert edgefit(["learning-curve", str(run.root), "--fractions", fractions]) == 2
        assert "--fractions" in capsys.readouterr().err

    @pytest.mark.parametrize("scale", [-0.1, 1.5])
    def test_a_wrong_scale_is_an_error(self, scale: float) -> None:
        with pytest.raises(InputError, match="epochs rule"):
            CurveConfig(epochs_scale=scale)

    def test_one_of_many_processes_is_refused(
        self, run: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setattr("edgefit.studies.subruns.train", None)
        with pytest.raises(InputError, match="torchrun"):
            learning_curve(run, CurveConfig((100,)))

    @pytest.mark.slow
    def test_real_trainings_end_once(self, run: RunFolder) -> None:
        config = CurveConfig((40, 100), against_scratch=False, epochs_scale=0)
        results = learning_curve(run, config)
        subrun = run.root / "learning-curve" / "finetune-040"
        before = (subrun / "train" / "best.safetensors").stat().st_mtime_ns
        assert learning_curve(run, config) == results
        assert (subrun / "train" / "best.safetensors").stat().st_mtime_ns == before
        measured = train_and_measure(RunFolder(subrun))
        assert measured.probabilities_NC.shape == (results.test_images, 2)


def last_point(accuracy: float | None) -> CurvePoint:
    figure = Figure(value=accuracy, low=accuracy, high=accuracy)
    return CurvePoint.model_construct(metrics={"accuracy": figure})


class TestConclusion:
    @pytest.mark.parametrize(
        ("gain", "low", "high", "said"),
        [
            (0.02, 0.01, 0.03, "more images would help"),
            (0.0, -0.002, 0.002, "would help little"),
            (0.01, -0.02, 0.04, "cannot tell"),
            (-0.02, -0.03, -0.01, "it fell"),
        ],
    )
    def test_the_sentence_follows_the_interval(
        self, gain: float, low: float, high: float, said: str
    ) -> None:
        step = CurveStep(start=50.0, end=100.0, gain=gain, low=low, high=high)
        sentence = conclusion(step, last_point(0.97), "accuracy")
        assert said in sentence
        assert f"{100 * gain:+.2f} points" in sentence
        assert "97.00 %" in sentence

    def test_an_undefined_metric_makes_no_claim(self) -> None:
        step = CurveStep(start=50.0, end=100.0, gain=None, low=None, high=None)
        assert "two fractions" in conclusion(step, last_point(None), "accuracy")
