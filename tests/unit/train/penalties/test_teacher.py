"""A teacher: what it answers, what it weighs, and which teachers are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.errors import DataError, RecipeError, RunError
from edgefit.progress import Reporter
from edgefit.recipe import Recipe, TeacherConfig, make_recipe
from edgefit.run import RunFolder
from edgefit.spec import InputSpec, LabelMap
from edgefit.stages.check import check
from edgefit.stages.train import train
from edgefit.train.assembly import build_network
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.build import build_penalties
from edgefit.train.penalties.penalty import Penalty, TrainingStep
from edgefit.train.penalties.teacher import TeacherPenalty, build_teacher, held_out_in_training
from edgefit.train.weight_files import BEST, save_weights
from tests.shapes import draw_noise
from tests.stamps import begin, mark_done
from tests.tiny_network import SPEC, colour_frames, tiny_backbone, tiny_network

Teach = Callable[..., RunFolder]
ANYWHERE = TeacherConfig(run=Path("nowhere"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 20 different pictures."""
    return draw_noise(tmp_path_factory.mktemp("images"), ("bad", "good"), count=20, side=36)


@pytest.fixture
def teach(pictures: Path, tmp_path: Path) -> Teach:
    """Makes a run whose training has ended, at the weights it starts from."""

    def make(name: str, *overrides: str, root: Path | None = None) -> RunFolder:
        run = RunFolder(tmp_path / name)
        recipe = recipe_of(root or pictures, *overrides)
        run.start(recipe)
        check(run)
        begin(run, "train")
        network, *_ = build_network(recipe, run.labels())
        save_weights(network, run.stage_dir("train") / BEST)
        mark_done(run, "train", "x")
        return run

    return make


def recipe_of(root: Path, *overrides: str) -> Recipe:
    facts = {
        "name": "x",
        "data": {"root": str(root)},
        "model": {"weights": "none", "backbone": "mobilenet_v3_small"},
        "input": {"width": 32, "height": 32},
    }
    return make_recipe(facts, overrides)


def built(student: RunFolder, teacher: RunFolder) -> TeacherPenalty:
    recipe = student.recipe()
    return build_teacher(recipe, TeacherConfig(run=teacher.root), frozen_samples(student))


def step_of(network: EdgeNetwork, count: int = 8) -> TrainingStep:
    frames, targets = (torch.from_numpy(x) for x in colour_frames(count, seed=1))
    images = network.normalise(frames)
    features = network.backbone(images)
    return TrainingStep(network, frames, images, features, network.head(features), targets, 0, 0, 0)


# -- what a teacher says ---------------------------------------------------------------------


def test_a_student_that_answers_like_its_teacher_has_nothing_to_learn() -> None:
    teacher = tiny_network()
    penalty = TeacherPenalty(teacher, (32, 32), ANYWHERE)
    step = step_of(teacher)
    assert float(penalty(step).detach()) == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(penalty.logits(step), step.logits_NC.detach())


def test_the_loss_is_the_softened_divergence_times_the_square_of_the_temperature() -> None:
    teacher, student = tiny_network(), tiny_network(steps=0)
    config = TeacherConfig(run=Path("x"), weight=0.3, temperature=4.0)
    penalty = TeacherPenalty(teacher, (32, 32), config)
    step = step_of(student)
    p, q = (
        torch.softmax(logits.detach().double() / 4.0, dim=1)
        for logits in (teacher.logits(step.frames_NHWC), step.logits_NC)
    )
    expected = 0.3 * 16 * float((p * (p.log() - q.log())).sum(dim=1).mean())
    assert float(penalty(step).detach()) == pytest.approx(expected, rel=1e-4)
    assert penalty.main_share == pytest.approx(0.7)
    assert isinstance(penalty, Penalty) and not penalty.learns


def test_the_gradient_moves_the_student_alone() -> None:
    teacher, student = tiny_network().train(), tiny_network(steps=0)
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    penalty = TeacherPenalty(teacher, (32, 32), ANYWHERE)
    optimizer = torch.optim.Adam(student.parameters(), lr=0.01)
    values = []
    for _ in range(40):
        value = penalty(step_of(student))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < 0.3 * values[0]
    assert all(torch.equal(v, before[k]) for k, v in teacher.state_dict().items())
    copy = penalty._teacher.on(torch.device("cpu"))
    assert not copy.training
    assert all(p.grad is None and not p.requires_grad for p in copy.parameters())


def test_the_temperature_of_calibration_does_not_reach_the_student() -> None:
    hot, cold = tiny_network(), tiny_network()
    hot.temperature.fill_(9.0)
    step = step_of(tiny_network(steps=0))
    values = [float(TeacherPenalty(t, (32, 32), ANYWHERE)(step).detach()) for t in (hot, cold)]
    assert values[0] == values[1]


def test_another_normalisation_is_undone() -> None:
    teacher = tiny_network()
    spec = InputSpec(32, 32, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    student = EdgeNetwork(tiny_backbone(), nn.Linear(16, 4), spec)
    assert spec.mean != SPEC.mean
    step = step_of(student)
    said = TeacherPenalty(teacher, (32, 32), ANYWHERE).logits(step)
    torch.testing.assert_close(said, teacher.logits(step.frames_NHWC).detach(), atol=1e-4, rtol=0)


def test_pictures_reach_the_teacher_at_its_own_size() -> None:
    teacher, student = tiny_network(), tiny_network(steps=0)
    penalty = TeacherPenalty(teacher, (48, 24), ANYWHERE)
    seen: list[tuple[int, ...]] = []
    inner = penalty._teacher.on(torch.device("cpu"))
    inner.backbone.register_forward_pre_hook(lambda m, args: seen.append(tuple(args[0].shape)))
    penalty(step_of(student))
    assert seen == [(8, 3, 24, 48)]


def test_mixed_pictures_reach_the_teacher_mixed() -> None:
    teacher = tiny_network()
    penalty = TeacherPenalty(teacher, (32, 32), ANYWHERE)
    step = step_of(tiny_network(steps=0))
    mixed = 0.5 * step.images_NCHW + 0.5 * step.images_NCHW.flip(0)
    expected = teacher.head(teacher.backbone(mixed)).detach()
    said = penalty.logits(replace(step, images_NCHW=mixed))
    torch.testing.assert_close(said, expected, atol=1e-4, rtol=0)


# -- who may teach ---------------------------------------------------------------------------


def test_a_finished_run_on_the_same_split_teaches(teach: Teach) -> None:
    student = teach("student")
    teacher = teach("teacher", "input.width=64", "input.height=48", "model.backbone=squeezenet1_1")
    recipe = recipe_of(Path("x"), f"train.teacher.run={teacher.root}", "train.teacher.weight=0.4")
    network, *_ = build_network(student.recipe(), student.labels())
    (penalty,) = build_penalties(recipe, frozen_samples(student), network)
    assert penalty.name == "teacher" and penalty.main_share == pytest.approx(0.6)
    value = penalty(step_of(network.eval()))
    assert value.ndim == 0 and torch.isfinite(value)


def test_a_run_that_is_absent_or_unfinished_is_refused(
    teach: Teach, pictures: Path, tmp_path: Path
) -> None:
    student = teach("student")
    unfinished = RunFolder(tmp_path / "unfinished")
    unfinished.start(recipe_of(pictures))
    for run in (RunFolder(tmp_path / "nowhere"), unfinished):
        with pytest.raises(RunError, match="teacher cannot be used") as caught:
            built(student, run)
        assert caught.value.key == "train.teacher.run"


def test_classes_must_be_the_same_and_in_the_same_order(teach: Teach, pictures: Path) -> None:
    student = teach("student")
    turned = teach("turned", "data.classes=[good, bad]")
    with pytest.raises(RecipeError, match="another order") as caught:
        built(student, turned)
    assert "data.classes" in (caught.value.remedy or "")
    renamed = frozen_samples(student)
    renamed = replace(renamed, labels=LabelMap(("bad", "fine")))
    with pytest.raises(RecipeError, match="other classes") as caught:
        build_teacher(student.recipe(), TeacherConfig(run=turned.root), renamed)
    assert caught.value.key == "train.teacher.run"
    assert "fine" in (caught.value.remedy or "")


def test_a_teacher_that_has_seen_a_held_out_picture_is_refused(teach: Teach) -> None:
    student, teacher = teach("student"), teach("teacher", "data.split.seed=5")
    table, known = frozen_samples(student), frozen_samples(teacher)
    held_out = {s.path for s in table.samples if s.split != "train"}
    leaks = held_out & {s.path for s in known.of("train").samples}
    assert leaks
    with pytest.raises(DataError, match="held out here were in the teacher's") as caught:
        built(student, teacher)
    assert str(len(leaks)) in caught.value.message
    assert any(path in (caught.value.found or "") for path in leaks)


def copied(table: SampleTable, root: Path) -> SampleTable:
    """The same pictures elsewhere, under other names."""
    samples = []
    for number, sample in enumerate(table.samples):
        path = f"{sample.label}/copy{number}.png"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(table.absolute(sample), root / path)
        samples.append(replace(sample, path=path))
    return replace(table, root=root, samples=tuple(samples))


def test_a_leak_is_found_under_another_name_and_where_the_files_are_gone(
    teach: Teach, tmp_path: Path
) -> None:
    table = frozen_samples(teach("student"))
    other = frozen_samples(teach("teacher", "data.split.seed=5"))
    leaks = set(held_out_in_training(table, other))
    assert leaks
    assert set(held_out_in_training(table, copied(other, tmp_path / "copy"))) == leaks
    assert set(held_out_in_training(table, replace(other, root=tmp_path / "gone"))) == leaks
    assert not set(held_out_in_training(table, copied(table, tmp_path / "same")))


def test_files_of_one_size_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    from edgefit.data.table import Sample

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(name.encode() * 100)
    labels = LabelMap(("x", "y"))
    own = SampleTable(tmp_path / "a", (Sample("1.png", "x", "test"),), labels)
    other = SampleTable(tmp_path / "b", (Sample("1.png", "x", "train"),), labels)
    assert not list(held_out_in_training(own, other))
    (tmp_path / "b" / "1.png").write_bytes(b"a" * 100)
    assert list(held_out_in_training(own, other)) == ["1.png"]


def test_another_aspect_is_said(teach: Teach, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    student, teacher = teach("student"), teach("teacher", "input.aspect=letterbox")
    reporter = Reporter(console=Console(stderr=True, width=300))
    config = TeacherConfig(run=teacher.root)
    build_teacher(student.recipe(), config, frozen_samples(student), reporter)
    assert "letterbox" in capsys.readouterr().err


@pytest.mark.parametrize("way", ["bilinear", "lanczos"])
def test_other_enlarging_in_training_is_said(
    teach: Teach, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    from rich.console import Console

    student, teacher = teach("student"), teach("teacher", f"train.enlarge={way}")
    reporter = Reporter(console=Console(stderr=True, width=300))
    config = TeacherConfig(run=teacher.root)
    build_teacher(student.recipe(), config, frozen_samples(student), reporter)
    assert ("enlarged by lanczos" in capsys.readouterr().err) == (way == "lanczos")


def test_a_teacher_whose_data_were_split_anew_is_refused(teach: Teach, pictures: Path) -> None:
    """It may have learned from images that are held out now, whatever its new split says."""
    teacher = teach("teacher")
    check(RunFolder(teacher.root, recipe_of(pictures, "data.split.seed=5")))
    overrides = ["data.split.seed=5", f"train.teacher={{run: {teacher.root}}}"]
    student = RunFolder(teach("student").root, recipe_of(pictures, *overrides))
    check(student)
    with pytest.raises(RunError, match="teacher cannot be used") as caught:
        train(student)
    assert caught.value.key == "train.teacher.run"
    assert "inputs" in str(caught.value.message)
