"""The run folder: which stage counts as done, and what changes that."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.errors import RunError
from edgefit.recipe import Recipe, make_recipe
from edgefit.run import STAGES, RunFolder, write_json

RECIPE = make_recipe({"name": "x"})


def other(*overrides: str) -> Recipe:
    return make_recipe({"name": "x"}, overrides)


@pytest.fixture
def finished(tmp_path: Path) -> RunFolder:
    """A run in which every stage ended."""
    run = RunFolder(tmp_path / "run")
    run.start(RECIPE)
    for stage in STAGES:
        run.stage_dir(stage)
        run.begin(stage, RECIPE)
        run.mark_done(stage, RECIPE, outputs=f"result of {stage}")
    return run


def done(run: RunFolder, recipe: Recipe) -> list[str]:
    return [stage for stage in STAGES if run.is_done(stage, recipe)]


def test_every_stage_that_ended_is_done(finished: RunFolder) -> None:
    assert done(finished, RECIPE) == list(STAGES)
    finished.require(*STAGES)


def test_nothing_is_done_in_a_new_run(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert done(run, RECIPE) == []
    run.start(RECIPE)
    with pytest.raises(RunError, match="`check` has not ended here") as caught:
        run.require("check")
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
        ("train.workers=3", list(STAGES)),
        ("train.cache_mb=3", list(STAGES)),
    ],
)
def test_a_change_undoes_its_stage_and_those_after_it(
    finished: RunFolder, override: str, still_done: list[str]
) -> None:
    assert done(finished, other(override)) == still_done


def test_another_result_of_a_stage_undoes_those_after_it(finished: RunFolder) -> None:
    finished.mark_done("train", RECIPE, outputs="other weights")
    assert done(finished, RECIPE) == ["check", "train"]


def test_a_stage_that_began_again_is_not_done(finished: RunFolder) -> None:
    finished.begin("train", RECIPE)
    assert done(finished, RECIPE) == ["check"]


def test_a_stage_whose_folder_was_removed_is_not_done(finished: RunFolder) -> None:
    (finished.root / "train").rmdir()
    assert done(finished, RECIPE) == ["check"]


def test_require_sees_that_the_recipe_has_changed_since(finished: RunFolder) -> None:
    finished.start(other("train.epochs=3"))
    finished.require("check")
    for stage in ("train", "evaluate", "export"):
        with pytest.raises(RunError, match="ended here with other inputs"):
            finished.require(stage)


def test_begin_tells_whether_an_interrupted_start_can_be_taken_up(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.begin("check", RECIPE) is False
    assert run.begin("check", RECIPE) is True
    assert run.begin("check", other("data.split.seed=1")) is False
    assert run.begin("check", RECIPE) is False


def test_begin_takes_up_after_the_end_too_but_not_with_other_earlier_results(
    finished: RunFolder,
) -> None:
    assert finished.begin("train", RECIPE) is True
    finished.mark_done("check", RECIPE, outputs="other data")
    assert finished.begin("train", RECIPE) is False


def test_the_recipe_is_kept(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "deep" / "run")
    with pytest.raises(RunError, match="No run is here"):
        run.recipe()
    run.start(other("train.epochs=3"))
    assert run.recipe() == other("train.epochs=3")
    assert sorted(p.name for p in run.root.iterdir()) == ["recipe.yaml", "stamps"]


def test_json_round_trip_leaves_nothing_beside(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_json("check", "labels.json", {"labels": ["ä", "b"]})
    assert run.read_json("check", "labels.json") == {"labels": ["ä", "b"]}
    assert run.labels().names == ("ä", "b")
    assert [p.name for p in (tmp_path / "check").iterdir()] == ["labels.json"]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_refused(tmp_path: Path, number: float) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"x": number})
    assert '"x": 1' in (tmp_path / "a.json").read_text()


@pytest.mark.parametrize("content", [b'{"x": ', b"\xff\xfe", b"[1, 2]", b""])
def test_damaged_json_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train").mkdir()
    path = tmp_path / "train" / "train.json"
    path.write_bytes(content)
    with pytest.raises(RunError, match="`train` wrote is damaged") as caught:
        RunFolder(tmp_path).read_json("train", "train.json")
    assert caught.value.path == str(path)


def test_an_absent_file_names_the_stage_to_run(finished: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        RunFolder(tmp_path / "new").read_json("train", "train.json")
    assert str(caught.value.remedy).startswith("run `edgefit train")
    with pytest.raises(RunError) as caught:
        finished.read_json("train", "train.json")
    assert str(caught.value.remedy).startswith(f"remove {finished.root / 'train'} and run")


def test_a_folder_with_a_recipe_of_the_users_own_is_left_alone(tmp_path: Path) -> None:
    own = tmp_path / "recipe.yaml"
    own.write_text("name: mine  # a comment\n")
    with pytest.raises(RunError, match="holds a recipe and is no run"):
        RunFolder(tmp_path).start(make_recipe({"name": "x"}))
    assert own.read_text() == "name: mine  # a comment\n"


def test_new_held_out_images_undo_what_was_measured_on_the_old_ones(tmp_path: Path) -> None:
    run, recipe = RunFolder(tmp_path / "run"), make_recipe({"name": "x"})
    run.start(recipe)
    for stage in STAGES:
        run.stage_dir(stage)
        run.mark_done(stage, recipe, outputs="first")
    run.mark_done("check", recipe, outputs="other test images")
    run.mark_done("train", recipe, outputs="first")
    assert run.is_done("train", recipe)
    for stage in ("evaluate", "export", "verify", "benchmark", "bundle"):
        assert not run.is_done(stage, recipe)


def test_other_weights_at_the_same_path_are_another_input(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"one")
    recipe = make_recipe({"name": "x", "model": {"weights": str(weights)}})
    run = RunFolder(tmp_path / "run")
    before = run.inputs_of("train", recipe)
    weights.write_bytes(b"two")
    assert run.inputs_of("train", recipe) != before
