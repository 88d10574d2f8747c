"""One contract, run for every task in the tables and for one that only the tests know."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import edgefit.report
from edgefit.bundle import (
    FORMAT_VERSION,
    BundleWriter,
    Manifest,
    Variant,
    describe_files,
    read_bundle,
)
from edgefit.data import tasks as data_tasks
from edgefit.data.frame_store import FrameStore
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.evaluate.outputs import outputs_of_table, with_truth
from edgefit.export import tasks as export_tasks
from edgefit.metrics import tasks as metrics_tasks
from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.operating import tasks as operating_tasks
from edgefit.operating.chosen import read_references, reference_path
from edgefit.operating.tasks import Choice
from edgefit.recipe import Recipe, make_recipe
from edgefit.recipe import tasks as recipe_tasks
from edgefit.records.calibrate import CalibrateRecord
from edgefit.report import tasks as report_tasks
from edgefit.run import RunFolder
from edgefit.runtime import tasks as runtime_tasks
from edgefit.runtime.images.geometry import place
from edgefit.spec import (
    CLASSIFICATION,
    FEATURE_VECTOR,
    OUTPUTS,
    RULES,
    OutputSpec,
    Prediction,
    Task,
    Truth,
)
from edgefit.stages.check import check
from edgefit.train import tasks as train_tasks
from edgefit.train.assembly import build_network
from edgefit.train.backbones.card import load_card
from edgefit.train.loop.interpolation import recompute_statistics
from edgefit.train.network import LOGITS, EdgeNetwork
from tests.second_task import GLOW, draw_lamps, glow_recipe, register
from tests.tiny_models import ORT_FP32
from tests.trained_run import recipe_for, write_discs

TEMPLATES = Path(edgefit.report.__file__).parent

ROOMS = {
    "data": (data_tasks.TASKS, data_tasks.DataTask),
    "train": (train_tasks.TASKS, train_tasks.TrainTask),
    "metrics": (metrics_tasks.TASKS, metrics_tasks.MetricsTask),
    "operating": (operating_tasks.TASKS, operating_tasks.OperatingTask),
    "runtime": (runtime_tasks.TASKS, runtime_tasks.RuntimeTask),
    "export": (export_tasks.TASKS, export_tasks.ExportTask),
    "report": (report_tasks.TASKS, report_tasks.ReportTask),
}
TABLES: dict[str, dict[Task, Any]] = {
    **{name: table for name, (table, _) in ROOMS.items()},
    "recipe": recipe_tasks.TASKS,
    "outputs": OUTPUTS,
    "rules": RULES,
}
FEW = Bootstrap(resamples=50)


def classes_recipe(folder: Path) -> Recipe:
    write_discs(folder, {"dark": 40, "lit": 40})
    quality = ("operating.good=dark", "operating.max_escape=0.4", "operating.coverage=0.7")
    return recipe_for(folder, *quality)


EXAMPLES = {
    CLASSIFICATION: classes_recipe,
    GLOW: lambda folder: glow_recipe(draw_lamps(folder)),
}
"""Task -> writes images of its kind and gives a recipe for them. A new task enters its own."""


@dataclass(frozen=True)
class Held:
    """A run of the task after ``check``, and what an untrained network answers on validation."""

    task: Task
    run: RunFolder
    recipe: Recipe
    table: SampleTable
    network: EdgeNetwork
    found: LabelledOutputs


@pytest.fixture(scope="module", params=[*OUTPUTS, GLOW])
def held(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    task, root = Task(request.param), tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        if task not in OUTPUTS:
            register(patch)
        recipe = EXAMPLES[task](root / "images")
        run = RunFolder(root / "run", recipe)
        check(run)
        table = frozen_samples(run)
        network = build_network(recipe, table.labels)[0].eval()
        validation = table.of("val")
        # without statistics of its own, a network of random weights answers the same to all
        store = FrameStore(validation.samples, validation.root, network.spec)
        recompute_statistics(network, store)
        outputs = outputs_of_table(network, validation, recipe)
        yield Held(task, run, recipe, table, network, with_truth(outputs, validation, task))


@pytest.fixture(scope="module")
def choice(held: Held) -> Choice:
    """The rule that the task chooses on validation."""
    room, training = operating_tasks.TASKS[held.task], held.table.of("train")
    truth = data_tasks.TASKS[held.task].truths(training)
    needed = room.reference_images(truth, held.recipe)
    reference = None
    if needed.size:
        some = training.with_samples(training.samples[index] for index in needed)
        outputs = outputs_of_table(held.network, some, held.recipe)
        reference = with_truth(outputs, some, held.task)
    return room.choose(held.found, reference, held.recipe)


def answers_of(held: Held) -> dict[str, NDArray[np.float32]]:
    """What an exported file gives: the task's outputs and nothing else."""
    return {output.name: held.found.outputs[output.name] for output in OUTPUTS[held.task]}


def turned(outputs: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Each image gets the answer of another one."""
    return {name: values[::-1].copy() for name, values in outputs.items()}


def extent(dim: str | int, held: Held) -> int:
    sizes = {
        "N": len(held.found),
        "C": len(held.table.labels),
        "F": load_card(held.recipe.model.backbone).feature_dim,
    }
    return dim if isinstance(dim, int) else sizes[dim]


def signature(member: Any) -> list[tuple[str, Any]]:
    parameters = inspect.signature(member).parameters.values()
    return [(p.name, p.kind) for p in parameters]


class TestTables:
    @pytest.mark.parametrize("room", TABLES)
    def test_every_room_has_the_same_tasks(self, held: Held, room: str) -> None:
        assert set(TABLES[room]) == set(OUTPUTS)
        assert held.task in TABLES[room]

    @pytest.mark.parametrize("room", ROOMS)
    def test_an_entry_has_all_that_its_room_asks_for(self, held: Held, room: str) -> None:
        table, protocol = ROOMS[room]
        asked = [*protocol.__annotations__, *vars(protocol)]
        members = [name for name in asked if not name.startswith("_")]
        assert members
        for name in members:
            assert hasattr(table[held.task], name), name
            wanted = vars(protocol).get(name)
            if inspect.isfunction(wanted):
                found = getattr(type(table[held.task]), name)
                assert signature(found) == signature(wanted), name

    def test_a_recipe_may_name_just_the_metrics_that_are_measured(self, held: Held) -> None:
        recipe, metrics = recipe_tasks.TASKS[held.task], metrics_tasks.TASKS[held.task]
        assert set(recipe.verify_metrics) == set(metrics.names)
        assert metrics.headline in metrics.names
        measured = metrics.evaluate(held.found, FEW).metrics
        assert set(metrics.names) <= set(measured)
        plain = make_recipe({"name": "x", "task": held.task})
        assert plain.train.metric == recipe.train_metrics[0]
        assert plain.verify.metric == recipe.verify_metrics[0]


class TestData:
    def test_every_image_has_a_truth_a_target_and_a_stratum(self, held: Held) -> None:
        room = data_tasks.TASKS[held.task]
        room.require(held.table)
        truths, targets = room.truths(held.table), room.targets(held.table)
        assert len(truths) == len(targets) == len(held.table) > 0
        assert all(isinstance(truth, Truth) for truth in truths)
        assert targets.dtype == np.int64
        assert {room.stratum(sample) for sample in held.table.samples} == {*room.strata(held.table)}

    def test_every_stratum_is_in_every_split(self, held: Held) -> None:
        room = data_tasks.TASKS[held.task]
        for split in ("train", "val", "test"):
            samples = held.table.of(split).samples
            assert {room.stratum(sample) for sample in samples} == {*room.strata(held.table)}

    def test_labels_are_there_where_the_task_needs_them(self, held: Held) -> None:
        labelled = all(sample.label is not None for sample in held.table.samples)
        assert labelled == data_tasks.TASKS[held.task].needs_labels


class TestTraining:
    def test_readout_gives_the_outputs_of_the_graph_in_their_order(self, held: Held) -> None:
        frames_NHWC = torch.zeros((2, *held.network.spec.shape_HWC), dtype=torch.uint8)
        with torch.inference_mode():
            found = held.network(frames_NHWC)
        assert list(found) == [output.name for output in OUTPUTS[held.task]]

    def test_outputs_have_the_stated_dims(self, held: Held) -> None:
        specs: tuple[OutputSpec, ...] = (*OUTPUTS[held.task], FEATURE_VECTOR)
        for spec in specs:
            values = held.found.outputs[spec.name]
            assert values.shape == tuple(extent(dim, held) for dim in spec.dims), spec.name
            assert values.dtype == np.float32
            assert np.isfinite(values).all()

    def test_the_loss_of_a_batch_has_a_gradient_for_the_head(self, held: Held) -> None:
        room, table = train_tasks.TASKS[held.task], held.table.of("train")
        card = load_card(held.recipe.model.backbone)
        head = room.build_head(card, held.table.labels, held.recipe.model).train()
        features_NF = torch.randn(4, card.feature_dim)
        assert not room.taps(card), "with taps, give the head their maps here"
        logits = head(features_NF)
        targets = torch.from_numpy(data_tasks.TASKS[held.task].targets(table)[:4])
        loss = room.build_loss(held.recipe, table)(logits, targets)
        assert loss.shape == () and torch.isfinite(loss)
        loss.backward()
        assert any(p.grad is not None and p.grad.any() for p in head.parameters())

    def test_validation_measures_what_a_recipe_may_name(self, held: Held) -> None:
        targets = data_tasks.TASKS[held.task].targets(held.table.of("val"))
        logits = held.found.outputs[LOGITS]
        measured = train_tasks.TASKS[held.task].validation(logits, targets)
        wanted = recipe_tasks.TASKS[held.task].train_metrics
        assert set(measured) == {*wanted, "loss"}
        assert all(np.isfinite(value) for value in measured.values())

    def test_a_training_has_phases(self, held: Held) -> None:
        phases = train_tasks.TASKS[held.task].phases(held.recipe)
        assert phases
        assert all(isinstance(phase.trains_on_devices, bool) for phase in phases)


class TestMetrics:
    def test_equal_outputs_agree(self, held: Held) -> None:
        room, answers = metrics_tasks.TASKS[held.task], answers_of(held)
        agreement = room.agreement(answers, answers)
        assert agreement.finite
        assert agreement.images == len(held.found)
        assert agreement.max_abs_difference == agreement.mean_abs_difference == 0
        assert room.departures(agreement, 1e-9) == []

    def test_other_outputs_depart(self, held: Held) -> None:
        room, answers = metrics_tasks.TASKS[held.task], answers_of(held)
        agreement = room.agreement(answers, turned(answers))
        assert agreement.max_abs_difference and agreement.mean_abs_difference
        assert room.departures(agreement, agreement.max_abs_difference / 2)

    def test_outputs_that_are_not_finite_are_not_compared(self, held: Held) -> None:
        room, answers = metrics_tasks.TASKS[held.task], answers_of(held)
        broken = {name: values * np.float32("nan") for name, values in answers.items()}
        agreement = room.agreement(answers, broken)
        assert not agreement.finite
        assert agreement.max_abs_difference is None

    def test_a_drop_is_measured_in_pairs(self, held: Held) -> None:
        room, answers = metrics_tasks.TASKS[held.task], answers_of(held)
        for name in room.names:
            same = room.paired_drop(name, held.found, answers, FEW)
            assert (same.value, same.low, same.high) == (0, 0, 0), name
        drops = [room.paired_drop(n, held.found, turned(answers), FEW).value for n in room.names]
        assert any(drops)

    def test_the_metrics_that_it_names_pass_its_own_check(self, held: Held) -> None:
        for name in metrics_tasks.TASKS[held.task].names:
            metrics_tasks.TASKS[held.task].check(name, held.table.labels)


class TestOperating:
    def test_the_recipe_and_the_classes_fit(self, held: Held) -> None:
        operating_tasks.TASKS[held.task].check(held.recipe.operating, held.table.labels)

    def test_reference_images_are_positions_in_the_training_images(self, held: Held) -> None:
        truth = data_tasks.TASKS[held.task].truths(held.table.of("train"))
        chosen = operating_tasks.TASKS[held.task].reference_images(truth, held.recipe)
        assert (np.diff(chosen) > 0).all()
        assert ((chosen >= 0) & (chosen < len(truth))).all()

    def test_what_was_chosen_is_the_same_after_the_disk(
        self, held: Held, choice: Choice, tmp_path: Path
    ) -> None:
        room, run = operating_tasks.TASKS[held.task], RunFolder(tmp_path, held.recipe)
        choice.record.write(run.root)
        assert set(choice.references) <= set(room.reference_names)
        for name, values in choice.references.items():
            np.save(reference_path(run.root, name), values)
        assert CalibrateRecord.read(run.root) == choice.record
        assert room.rule(CalibrateRecord.read(run.root)) == room.rule(choice.record)
        assert set(read_references(run)) == set(choice.references)
        assert room.summary(choice.record)

    def test_its_rule_is_of_its_kind_and_fits_the_classes(self, held: Held, choice: Choice) -> None:
        rule = operating_tasks.TASKS[held.task].rule(choice.record)
        assert type(rule) is RULES[held.task]
        assert rule.kind == held.task
        rule.check(held.table.labels)
        assert rule.decides and rule != RULES[held.task].plain()
        assert set(rule.files) == set(choice.references)

    def test_decisions_are_measured(self, held: Held, choice: Choice) -> None:
        room = operating_tasks.TASKS[held.task]
        scored = room.scored(held.found.outputs, choice.references)
        assert FEATURE_VECTOR.name not in scored
        assert {output.name for output in OUTPUTS[held.task]} <= set(scored)
        found = LabelledOutputs(scored, held.found.truth, held.found.labels, held.found.groups_N)
        rule = room.rule(choice.record)
        measured = room.measure(rule, found, None, FEW).to_json()
        assert any(value for value in measured.values())
        trained = room.measure_trained(choice.record, found, None, FEW).to_json()
        assert any(value for value in trained.values())


class TestDevice:
    def test_its_rule_is_read_back_from_a_manifest(
        self, held: Held, choice: Choice, tmp_path: Path
    ) -> None:
        rule = operating_tasks.TASKS[held.task].rule(choice.record)
        root = tmp_path / "bundle"
        with BundleWriter(root) as writer:
            model = writer.folder / "onnxruntime" / "model.fp32.onnx"
            model.parent.mkdir()
            model.write_bytes(b"a file that is not opened here")
            for name, path in rule.files.items():
                (writer.folder / path).parent.mkdir(exist_ok=True)
                np.save(writer.folder / path, choice.references[name])
            files = describe_files(writer.folder, ["onnxruntime/model.fp32.onnx"])
            writer.finish(
                Manifest(
                    format_version=FORMAT_VERSION,
                    status="verified",
                    name="contract",
                    task=held.task,
                    labels=list(held.table.labels.names),
                    labels_sha256=held.table.labels.sha256,
                    input=held.network.spec.to_dict(),
                    operating=rule,
                    variants=[Variant(engine="onnxruntime", precision="fp32", files=files)],
                    files=describe_files(writer.folder, list(rule.files.values())),
                )
            )
        facts = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
        assert facts["operating"] == json.loads(json.dumps(asdict(rule)))
        bundle = read_bundle(root)
        assert bundle.operating == rule
        references = runtime_tasks.TASKS[held.task].references(bundle)
        assert set(references) == set(choice.references)
        for name, values in references.items():
            np.testing.assert_array_equal(values, choice.references[name])

    @pytest.mark.parametrize("plain", [True, False])
    def test_outputs_become_a_prediction_that_fits_its_columns(
        self, held: Held, choice: Choice, plain: bool
    ) -> None:
        room = runtime_tasks.TASKS[held.task]
        rule = operating_tasks.TASKS[held.task].rule(choice.record)
        if plain:
            rule = RULES[held.task].plain()
        wanted = room.wanted(rule)
        assert wanted and set(wanted) <= set(held.found.outputs) - {LOGITS}
        one = {name: held.found.outputs[name][:1] for name in wanted}
        labels, spec = held.table.labels, held.network.spec
        where = place(40, 30, spec)
        prediction = room.decode(one, where, (40, 30), labels, rule, choice.references)
        assert isinstance(prediction, Prediction)
        assert prediction.decision
        columns = room.columns(labels, rule, top=2)
        names = list(columns.names)
        assert len(set(names)) == len(names) > 0
        assert not {"index", "name", "time_s", "error", "notes"} & {*names, *columns.facts(None)}
        for answer in (prediction, None):
            assert len(columns.cells(answer)) == len(names)
            facts = columns.facts(answer)
            assert json.loads(json.dumps(facts)) == facts
            assert facts.keys() == columns.facts(None).keys()
        cells = dict(zip(names, columns.cells(prediction), strict=True))
        told = columns.facts(prediction)
        shared = cells.keys() & told.keys()
        assert shared
        for name in shared:
            assert cells[name] == pytest.approx(told[name], abs=1e-6), name
        assert all(cell is None for cell in columns.cells(None))

    def test_a_prediction_is_drawn_on_a_frame_of_its_own(self, held: Held, choice: Choice) -> None:
        room, rule = runtime_tasks.TASKS[held.task], RULES[held.task].plain()
        one = {name: held.found.outputs[name][:1] for name in room.wanted(rule)}
        labels, where = held.table.labels, place(80, 60, held.network.spec)
        prediction = room.decode(one, where, (80, 60), labels, rule, {})
        frame = np.full((60, 80, 3), 120, np.uint8)
        drawn = room.draw(frame, prediction)
        assert drawn.dtype == np.uint8 and drawn.shape[2] == 3
        assert drawn.shape[0] >= 60 and drawn.shape[1] >= 80
        assert (drawn != 120).any()
        assert (frame == 120).all(), "the given frame is left as it was"

    def test_equal_answers_pass_and_others_fail(self, held: Held) -> None:
        room, answers, labels = runtime_tasks.TASKS[held.task], answers_of(held), held.table.labels
        same = room.compare(answers, answers, labels, ORT_FP32)
        assert same.passed and same.max_abs_difference == 0 and same.changes == ()
        within = {n: v + np.float32(same.tolerance / 2) for n, v in answers.items()}
        assert room.compare(answers, within, labels, ORT_FP32).passed
        beyond = {n: v + np.float32(same.tolerance * 2) for n, v in answers.items()}
        assert not room.compare(answers, beyond, labels, ORT_FP32).passed
        broken = {n: v * np.float32("nan") for n, v in answers.items()}
        assert not room.compare(answers, broken, labels, ORT_FP32).passed


class TestExportAndReport:
    def test_facts_for_the_model_api_are_words(self, held: Held) -> None:
        facts = export_tasks.TASKS[held.task].model_api_facts(held.table.labels)
        assert all(isinstance(text, str) for pair in facts.items() for text in pair)

    def test_templates_that_are_named_exist(self, held: Held) -> None:
        templates = asdict(report_tasks.TASKS[held.task].templates)
        for name in filter(None, templates.values()):
            assert (TEMPLATES / name).is_file(), name
