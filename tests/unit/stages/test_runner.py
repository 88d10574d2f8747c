"""The runner: which stage counts as done, what changes that, and when a run is written to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from edgefit.errors import InputError, RunError
from edgefit.recipe import Recipe, make_recipe
from edgefit.run import RunFolder
from edgefit.stages import runner as runner_module
from edgefit.stages.build import STAGES
from edgefit.stages.runner import FileHashes, Runner
from edgefit.stages.stage import Context, Stage
from tests.stamps import BY_NAME, begin, is_done, mark_done

RECIPE = make_recipe({"name": "x"})
NAMES = [stage.NAME for stage in STAGES]


def other(*overrides: str) -> Recipe:
    return make_recipe({"name": "x"}, overrides)


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    """A run in which every stage ended."""
    run = RunFolder(tmp_path / "run", RECIPE)
    for stage in NAMES:
        begin(run, stage)
        mark_done(run, stage, f"result of {stage}")
    return run


def done(run: RunFolder, recipe: Recipe | None = None) -> list[str]:
    runner = Runner(RunFolder(run.root, recipe or run.recipe()))
    return [stage.NAME for stage in STAGES if runner.is_done(stage)]


def test_every_stage_that_ended_is_done(finished: RunFolder) -> None:
    assert done(finished) == NAMES
    Runner(finished).require(*STAGES)


def test_nothing_is_done_in_a_new_run(tmp_path: Path) -> None:
    run = RunFolder(tmp_path, RECIPE)
    assert done(run) == []
    with pytest.raises(RunError, match="`check` has not finished") as caught:
        Runner(run).require(BY_NAME["check"])
    assert f"edgefit check {tmp_path}" in str(caught.value.remedy)


BEFORE = ("check", "train", "calibrate", "retention")


@pytest.mark.parametrize(
    ("override", "still_done"),
    [
        ("data.split.seed=5", []),
        ("input.width=96", []),
        ("train.learning_rate=0.5", ["check"]),
        ("model.dropout=0.5", ["check"]),
        ("evaluate.resamples=200", ["check", "train"]),
        ("operating.coverage=0.9", ["check", "train", "retention"]),
        ("retention.neighbours=3", ["check", "train", "calibrate", "export"]),
        ("export.opset=20", [*BEFORE, "evaluate"]),
        ("verify.max_drop=3", [*BEFORE, "evaluate", "export"]),
        ("benchmark.rounds=9", [*BEFORE, "evaluate", "export", "verify"]),
        ("description=other", [*BEFORE, "evaluate", "export", "verify", "benchmark"]),
        ("train.workers=3", NAMES),
        ("train.cache_mb=3", NAMES),
    ],
)
def test_a_change_undoes_its_stage_and_those_after_it(
    finished: RunFolder, override: str, still_done: list[str]
) -> None:
    assert done(finished, other(override)) == still_done


def test_another_result_of_a_stage_undoes_those_after_it(finished: RunFolder) -> None:
    mark_done(finished, "train", "other weights")
    assert done(finished) == ["check", "train"]


def test_new_held_out_images_undo_what_was_measured_on_the_old_ones(finished: RunFolder) -> None:
    mark_done(finished, "check", "other test images")
    mark_done(finished, "train", "result of train")
    assert done(finished) == ["check", "train", "retention"]


def test_a_stage_that_began_again_is_not_done(finished: RunFolder) -> None:
    begin(finished, "train")
    assert done(finished) == ["check"]


def test_a_stage_whose_folder_was_removed_is_not_done(finished: RunFolder) -> None:
    (finished.root / "train").rmdir()
    assert done(finished) == ["check"]


def test_require_sees_that_the_recipe_has_changed_since(finished: RunFolder) -> None:
    runner = Runner(RunFolder(finished.root, other("train.epochs=3")))
    runner.require(BY_NAME["check"])
    for stage in ("train", "evaluate", "export"):
        with pytest.raises(RunError, match="have changed since it finished"):
            runner.require(BY_NAME[stage])


def test_require_names_the_first_stage_that_is_missing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "new", RECIPE)
    with pytest.raises(RunError, match="`check` has not finished"):
        Runner(run).require(BY_NAME["export"])


def test_begin_tells_whether_an_interrupted_start_can_be_taken_up(tmp_path: Path) -> None:
    run, seeded = RunFolder(tmp_path, RECIPE), other("data.split.seed=1")
    assert begin(run, "check") is False
    assert begin(run, "check") is True
    assert begin(RunFolder(tmp_path, seeded), "check") is False
    assert begin(RunFolder(tmp_path, RECIPE), "check") is False


def test_begin_takes_up_after_the_end_too_but_not_with_other_earlier_results(
    finished: RunFolder,
) -> None:
    assert begin(finished, "train") is True
    mark_done(finished, "check", "other data")
    assert begin(finished, "train") is False


def test_other_weights_at_the_same_path_are_another_input(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"one")
    run = RunFolder(
        tmp_path / "run", make_recipe({"name": "x", "model": {"weights": str(weights)}})
    )
    for stage in ("check", "train"):
        begin(run, stage)
        mark_done(run, stage, stage)
    assert is_done(run, "train")
    weights.write_bytes(b"two")
    assert not is_done(run, "train")


def test_a_damaged_stamp_is_a_clear_error(finished: RunFolder) -> None:
    path = finished.root / "stamps" / "check.done.json"
    path.write_text("{")
    with pytest.raises(RunError, match="stamp of the stage `check` is damaged") as caught:
        is_done(finished, "check")
    assert caught.value.path == str(path)


class TestOncePerCommand:
    def test_a_command_fingerprints_each_stage_and_hashes_each_file_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weights = tmp_path / "weights.pth"
        weights.write_bytes(b"one")
        recipe = make_recipe({"name": "x", "model": {"weights": str(weights)}})
        run = RunFolder(tmp_path / "run", recipe)
        for stage in NAMES:
            begin(run, stage)
            mark_done(run, stage, stage)
        computed: list[str] = []
        hashed: list[Path] = []
        compute, sha256_of = Runner._compute_fingerprint, runner_module.sha256_of

        def counted(self: Runner, kind: type[Stage[Any]]) -> str:
            computed.append(kind.NAME)
            return compute(self, kind)

        monkeypatch.setattr(Runner, "_compute_fingerprint", counted)
        monkeypatch.setattr(
            runner_module, "sha256_of", lambda path: (hashed.append(path), sha256_of(path))[1]
        )
        runner = Runner(RunFolder(run.root))
        assert all(runner.is_done(stage) for stage in STAGES)
        assert all(runner.is_done(stage) for stage in reversed(STAGES))
        assert sorted(computed) == sorted(NAMES)
        assert hashed == [weights]

    def test_a_file_is_hashed_once(self, tmp_path: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(b"one")
        files = FileHashes()
        first = files.file(path)
        path.write_bytes(b"two")
        assert files.file(path) == first
        assert FileHashes().file(path) != first


class Toy(Stage[str]):
    """A stage that does as it is told, and notes the order of its steps."""

    NAME = "toy"
    SECTIONS = ("name",)
    refuse_in: str | None = None

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.steps: list[str] = []

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if self.refuse_in == name:
            raise InputError("Refused.")

    def inspect(self) -> None:
        self._step("inspect")

    def prepare(self) -> None:
        self._step("prepare")

    def work(self, *, resumable: bool) -> str:
        self._step("work")
        (self.folder / "result").write_text(f"resumable {resumable}")
        return self.result()

    def result(self) -> str:
        return (self.folder / "result").read_text()

    def outputs(self, record: str) -> str:
        return record


class TestRunningAStage:
    def test_an_override_holds_from_now_on_where_the_stage_is_done(self, tmp_path: Path) -> None:
        Runner(RunFolder(tmp_path, RECIPE)).run_last(Toy)
        changed = other("train.seed=7")
        assert Runner(RunFolder(tmp_path, changed)).run_last(Toy) == "resumable False"
        assert RunFolder(tmp_path).recipe() == changed

    def test_a_stage_that_is_done_keeps_no_override_for_a_later_one(self, tmp_path: Path) -> None:
        Runner(RunFolder(tmp_path, RECIPE)).run(Toy)
        Runner(RunFolder(tmp_path, other("train.seed=7"))).run(Toy)
        assert RunFolder(tmp_path).recipe() == RECIPE

    @pytest.mark.parametrize("error", [InputError("Refused."), OSError(28, "disk full")])
    def test_a_stage_that_fails_at_its_work_puts_the_recipe_back(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
    ) -> None:
        def fail(stage: Toy, *, resumable: bool) -> str:
            raise error

        Runner(RunFolder(tmp_path, RECIPE)).run(Toy)
        before = (tmp_path / "recipe.yaml").read_bytes()
        monkeypatch.setattr(Toy, "work", fail)
        monkeypatch.setattr(Toy, "SECTIONS", ("train",))
        with pytest.raises(type(error)):
            Runner(RunFolder(tmp_path, other("train.seed=7"))).run(Toy)
        assert (tmp_path / "recipe.yaml").read_bytes() == before

    def test_an_interrupted_stage_keeps_the_recipe_to_resume_with(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(stage: Toy, *, resumable: bool) -> str:
            raise KeyboardInterrupt

        Runner(RunFolder(tmp_path, RECIPE)).run(Toy)
        monkeypatch.setattr(Toy, "work", interrupt)
        monkeypatch.setattr(Toy, "SECTIONS", ("train",))
        with pytest.raises(KeyboardInterrupt):
            Runner(RunFolder(tmp_path, other("train.seed=7"))).run(Toy)
        assert RunFolder(tmp_path).recipe().train.seed == 7

    @pytest.mark.parametrize("step", ["inspect", "prepare"])
    def test_what_is_refused_before_the_work_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        monkeypatch.setattr(Toy, "refuse_in", step)
        with pytest.raises(InputError):
            Runner(RunFolder(tmp_path / "run", RECIPE)).run(Toy)
        assert not (tmp_path / "run").exists()

    def test_the_recipe_is_written_when_the_first_stage_begins(self, tmp_path: Path) -> None:
        Runner(RunFolder(tmp_path / "run", RECIPE)).run(Toy)
        assert RunFolder(tmp_path / "run").recipe() == RECIPE

    def test_a_stage_that_is_done_is_not_run_again(self, tmp_path: Path) -> None:
        made: list[Toy] = []

        def make(context: Context) -> Toy:
            made.append(Toy(context))
            return made[-1]

        runner = Runner(RunFolder(tmp_path, RECIPE))
        assert runner.run(make) == runner.run(make) == "resumable False"
        assert [toy.steps for toy in made] == [["inspect", "prepare", "work"], ["inspect"]]

    def test_a_start_that_was_interrupted_may_be_taken_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Toy, "refuse_in", "work")
        with pytest.raises(InputError):
            Runner(RunFolder(tmp_path, RECIPE)).run(Toy)
        monkeypatch.setattr(Toy, "refuse_in", None)
        assert Runner(RunFolder(tmp_path, RECIPE)).run(Toy) == "resumable True"

    def test_a_stage_that_is_stamped_but_no_longer_holds_runs_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Runner(RunFolder(tmp_path, RECIPE)).run(Toy)
        monkeypatch.setattr(Toy, "holds", lambda self: False)
        assert Runner(RunFolder(tmp_path, RECIPE)).run(Toy) == "resumable True"


def test_keys_that_recipes_gained_later_leave_earlier_runs_valid(tmp_path: Path) -> None:
    check = BY_NAME["check"]

    def fingerprint(*overrides: str) -> str:
        return Runner(RunFolder(tmp_path, other(*overrides))).fingerprint(check)

    runner = Runner(RunFolder(tmp_path, RECIPE))
    sections = RECIPE.model_dump(mode="json", include=set(check.SECTIONS))
    for section, keys in {
        "input": ("damaged", "bits", "max_pixels"),
        "data": ("layout", "links"),
    }.items():
        for key in keys:
            del sections[section][key]
    sections["files"] = check.further_inputs(runner.folder, RECIPE, runner.files)
    text = json.dumps([sections, {}], sort_keys=True)
    assert fingerprint() == hashlib.sha256(text.encode()).hexdigest()
    changed = ["input.damaged=warn", "input.bits=12", "input.max_pixels=5", "data.links=all"]
    assert len({fingerprint(), *map(fingerprint, changed)}) == 5
