"""A finished run, written by hand in the form that the stages write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit import metrics
from edgefit.bundle import FORMAT_VERSION, FileEntry, Manifest, Variant
from edgefit.data.frozen import freeze
from edgefit.data.table import Sample, SampleTable
from edgefit.evaluate.saved import SavedOutputs
from edgefit.metrics.reliability import calibration
from edgefit.operating.decisions import measure_decisions
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.benchmark import (
    BenchmarkRecord,
    BenchmarkSettings,
    Latency,
    Machine,
    MeasuredVariant,
    Recommendation,
)
from edgefit.records.calibrate import (
    BeforeAfter,
    CalibrateRecord,
    ConformalChoice,
    NoveltyChoice,
    ThresholdChoice,
)
from edgefit.records.check import CheckRecord, Finding, Spread
from edgefit.records.comparison import ComparisonRecord
from edgefit.records.evaluate import (
    Decisions,
    EvaluateRecord,
    TemperatureEffect,
    ThresholdRates,
    TrainedDecisions,
)
from edgefit.records.learning_curve import LearningCurveRecord
from edgefit.records.retention import RetentionRecord
from edgefit.records.train import TrainRecord
from edgefit.records.verify import Agreement, GateSettings, VariantVerdict, VerifyRecord
from edgefit.run import RunFolder
from edgefit.runtime.golden import write_golden
from edgefit.spec import (
    CLASSIFICATION,
    ClassificationRule,
    ConformalRule,
    DefectThreshold,
    Engine,
    InputSpec,
    LabelMap,
    NoveltyRule,
    Precision,
    VariantKey,
)
from tests import benchmark_records
from tests.stamps import mark_done

INPUT = InputSpec(32, 32)
VARIANTS = [VariantKey(e, p) for e in Engine for p in (Precision.FP32, Precision.INT8)]
FAILED = VARIANTS[1]
MACHINE = Machine(
    cpu_model="Example CPU 9000 @ 2.10GHz",
    architecture="x86_64",
    logical_cores=4,
    physical_cores=2,
    available_cores=2,
    cpu_quota=None,
    flags=["avx2", "avx512_vnni"],
    memory_mb=7800,
    memory_limit_mb=None,
    governor=None,
    turbo=None,
    os="Linux",
    kernel="6.1.0",
    python="3.12.1",
    versions={"onnxruntime": "1.32.0", "openvino": "2026.4.0"},
    fingerprint_id="0123456789abcdef",
    load_average=[0.1, 0.2, 0.3],
)
P50_MS = dict(zip(map(str, VARIANTS), (2.41, 1.3, 1.9, 0.91), strict=True))


@dataclass(frozen=True)
class Finished:
    """A finished run and the manifest its bundle would have."""

    run: RunFolder
    manifest: Manifest
    table: SampleTable
    probabilities_NC: NDArray[np.float32]


MakeRun = Callable[..., Finished]


def write_run(
    root: Path,
    labels: Sequence[str] = ("good", "scratch", "dent"),
    *,
    per_class: int = 12,
    wrong: float = 0.2,
    findings: Sequence[dict[str, Any]] = (),
    unreadable: dict[str, str] | None = None,
    overrides: Sequence[str] = (),
) -> Finished:
    """Write ``root/data`` and a run on it; ``wrong`` is the share of wrong answers."""
    facts = {"name": "belt-parts", "description": "Parts on a belt."}
    recipe = make_recipe(facts | {"data": {"root": str(root / "data")}}, overrides)
    run = RunFolder(root / "run")
    run.start(recipe)
    table = _write_data(root / "data", labels, per_class)
    _write_check(run, table, findings, unreadable or {})
    TrainRecord.model_validate(training_facts(recipe)).write(run.root)
    _write_operating(run, recipe, table.of("val"), wrong)
    probabilities_NC = _answers(table.of("test"), wrong)
    verified = _write_measurements(run, recipe, table.of("test"), probabilities_NC)
    manifest = _manifest(recipe, table, verified)
    _write_golden(run, table, probabilities_NC)
    for stage in ("check", "train", "calibrate", "evaluate", "export", "verify", "benchmark"):
        mark_done(run, stage, stage)
    return Finished(run, manifest, table, probabilities_NC)


def _write_data(root: Path, labels: Sequence[str], per_class: int) -> SampleTable:
    samples = []
    for position, label in enumerate(labels):
        for number in range(per_class):
            path = f"{position}/part_{number:03d}.jpg"
            picture = np.full((60, 80, 3), (60 + 9 * position) % 200, np.uint8)
            cv2.circle(picture, (40, 30), 8 + number, (40 * position % 255, 200, 90), -1)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(root / path), picture)
            split = ("train", "test", "val", "test")[number % 4]
            samples.append(Sample(path, label, split, f"part_{position}_{number // 4}"))
    return SampleTable(root, tuple(samples), LabelMap(tuple(labels)))


def _write_check(
    run: RunFolder,
    table: SampleTable,
    findings: Sequence[dict[str, Any]],
    unreadable: dict[str, str],
) -> None:
    freeze(table, run)
    record = CheckRecord(
        images=len(table),
        groups=len({s.group for s in table.samples}),
        classes=table.labels.names,
        images_by_split_and_class=table.counts(),
        groups_by_split_and_class=table.group_counts(),
        width=Spread(min=80, median=80.0, max=80),
        height=Spread(min=60, median=60.0, max=60),
        grey=0,
        colour=len(table),
        near_black=3,
        near_white=0,
        fingerprint=table.fingerprint(),
        unreadable=unreadable,
        findings=tuple(Finding.model_validate(finding) for finding in findings),
        root=str(table.root),
        dropped_leaks=(),
        source_fingerprint=table.fingerprint(),
    )
    record.write(run.root)


def training_facts(recipe: Recipe) -> dict[str, Any]:
    """``train.json`` of a training in the recipe's mode, with its interpolation if it has one."""
    history = [
        {
            "epoch": epoch,
            "phase": "full",
            "height": 64,
            "width": 64,
            "train_loss": 1.3 / epoch + 0.5,
            "val_loss": 1.2 / epoch + 0.1 + 0.01 * epoch,
            "val_accuracy": 1 - 0.5 / epoch,
            "val_balanced_accuracy": 1 - 0.52 / epoch,
            "val_macro_f1": 1 - 0.55 / epoch,
            "train_balanced_accuracy": 1 - 0.2 / epoch,
            "gap": 0.32 / epoch,
            "learning_rate": 1e-3 / epoch,
            "images_per_second": 120.0,
            "seconds": 8.5,
        }
        for epoch in range(1, 9)
    ]
    mode = recipe.train.mode
    facts: dict[str, Any] = {
        "backbone": "mobilenet_v2",
        "weights": {"source": "mobilenet_v2_base.pth", "sha256": "ab" * 32},
        "mode": mode,
        "best": history[6],
        "epochs": 8,
        "stopped_early": True,
        "history": history,
        "device": "cpu",
        "decode_seconds": 0.5,
        "kept": {"what": "fine-tuned"},
        "over_fitting": None,
        "training_seconds": 125.0,
        "threads": 2,
    }
    if mode != "full":
        facts["probe"] = _probe()
    if mode == "probe":
        measured = {f"val_{k}": v for k, v in facts["probe"]["validation"].items()}
        best = {"epoch": 0, "phase": "probe", **measured}
        facts |= {"best": best, "epochs": 0, "stopped_early": False, "history": []}
        facts["kept"] = {"what": "probe"}
    if recipe.train.interpolation.points:
        facts["kept"] = _interpolated(recipe)
    return facts


def _probe() -> dict[str, Any]:
    tried = [
        {"kind": "logistic", "strength": strength, "score": score, "nll": 0.4, "temperature": 1.1}
        for strength, score in ((0.001, 0.8312), (0.01, 0.8729), (0.1, 0.8541))
    ]
    mean = {"kind": "nearest-mean", "strength": None, "score": 0.7, "nll": 0.9, "temperature": 1.0}
    validation = {"accuracy": 0.88, "balanced_accuracy": 0.86, "macro_f1": 0.85, "loss": 0.41}
    return {
        **tried[1],
        "metric": "balanced_accuracy",
        "folds": 5,
        "cross_validation": [*tried, mean],
        "seconds": 3.4,
        "notes": ["3 folds, not 5: a class has 3 groups"],
        "features": {
            "engine": "torch",
            "computed": 40,
            "reused": 0,
            "images_per_second": 30.0,
            "measured": {},
        },
        "validation": validation,
    }


def _interpolated(recipe: Recipe) -> dict[str, Any]:
    config = recipe.train.interpolation
    points = [
        {
            "alpha": alpha,
            "accuracy": value,
            "balanced_accuracy": value,
            "macro_f1": value,
            "loss": 1 - value,
        }
        for alpha, value in ((0.0, 0.86), (0.25, 0.9), (0.5, 0.928), (0.75, 0.929), (1.0, 0.925))
    ]
    return {
        "what": "interpolated",
        "points": points,
        "alpha": 0.5,
        "metric": recipe.train.metric,
        "rule": config.rule,
        "tolerance": config.tolerance,
    }


def _write_operating(run: RunFolder, recipe: Recipe, validation: SampleTable, wrong: float) -> None:
    """What ``calibrate`` writes; its own choices are replaced by fixed numbers."""
    probabilities_NC = _answers(validation, wrong)
    targets_N, groups_N = validation.targets_N(), validation.groups_N()
    point = operating_point(recipe, validation.labels)
    measured = measure_decisions(
        probabilities_NC,
        targets_N,
        validation.labels,
        point,
        groups_N=groups_N,
        novelty_N=np.linspace(0, 0.4, len(targets_N)),
        resamples=100,
    )
    assert measured.calibration is not None
    softened = calibration(probabilities_NC**0.5 / 2, targets_N, groups_N=groups_N, resamples=100)
    conformal = novelty = None
    if point.conformal is not None:
        conformal = ConformalChoice(coverage=point.conformal.coverage, quantile=0.55)
    if point.novelty is not None:
        novelty = NoveltyChoice(threshold=0.3, quantile=0.99, median=0.1, features=1280)
    CalibrateRecord(
        images=len(validation),
        groups=len(set(groups_N.tolist())),
        temperature=1.37,
        calibration=BeforeAfter(before=softened, after=measured.calibration),
        threshold=_threshold(recipe, point.threshold, measured.threshold),
        conformal=conformal,
        novelty=novelty,
        notes=("The validation images were also used to choose the epoch that is kept.",),
    ).write(run.root)


def _threshold(
    recipe: Recipe, rule: DefectThreshold | None, rates: ThresholdRates | None
) -> ThresholdChoice | None:
    if rule is None or rates is None:
        return None
    limit = recipe.operating.max_escape
    return ThresholdChoice(
        good=rule.good,
        defect=rule.defect,
        value=rule.value,
        chosen_for="arg-max" if limit is None else "max_escape",
        limit=limit,
        upper_bound=None if limit is None else 0.9 * limit,
        bound_confidence=None if limit is None else 0.95,
        bound_groups=None if limit is None else 17,
        escape_rate=rates.escape_rate,
        overkill_rate=rates.overkill_rate,
    )


def operating_point(recipe: Recipe, labels: LabelMap) -> ClassificationRule:
    """The rules that the recipe asks for, at fixed numbers."""
    config = recipe.operating
    threshold = conformal = novelty = None
    if config.good is not None:
        defect = next(name for name in labels.names if name != config.good)
        value = 0.5 if config.max_escape is None else 0.2
        threshold = DefectThreshold(config.good, defect, value)
    if config.coverage is not None:
        conformal = ConformalRule(config.coverage, 0.55)
    if config.novelty:
        novelty = NoveltyRule(0.3, "operating/prototypes.npy")
    return ClassificationRule(threshold, conformal, novelty)


def _answers(test: SampleTable, wrong: float) -> NDArray[np.float32]:
    """Right for most images; the first ``wrong`` share of each class goes to the next class."""
    random = np.random.default_rng(0)
    targets_N, classes = test.targets_N(), len(test.labels)
    rows = random.dirichlet(np.full(classes, 0.4), len(targets_N)) * 0.4
    for target in range(classes):
        of_class = np.flatnonzero(targets_N == target)
        astray = of_class[: round(wrong * len(of_class))]
        answers = np.where(np.isin(of_class, astray), (target + 1) % classes, target)
        rows[of_class, answers] += 0.6
    return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)


def _write_measurements(
    run: RunFolder, recipe: Recipe, test: SampleTable, probabilities_NC: NDArray[np.float32]
) -> VerifyRecord:
    targets_N, groups_N = test.targets_N(), test.groups_N()
    measured = measure_decisions(
        probabilities_NC,
        targets_N,
        test.labels,
        operating_point(recipe, test.labels),
        groups_N=groups_N,
        novelty_N=np.linspace(0, 0.4, len(targets_N)),
        out_of_domain_M=np.linspace(0.2, 0.9, 20) if recipe.retention.general else None,
        resamples=100,
    )
    evaluation = _evaluation(recipe, test, probabilities_NC, measured)
    evaluation.write(run.root)
    SavedOutputs({"probabilities": probabilities_NC}).write(run.root)
    entries = tuple(_gate_entry(key, evaluation, measured) for key in VARIANTS)
    verified = VerifyRecord(
        images=len(targets_N),
        config=GateSettings.model_validate(recipe.verify.model_dump()),
        passed=tuple(entry.variant for entry in entries if entry.passed),
        failed={entry.variant: entry.reasons for entry in entries if not entry.passed},
        variants=entries,
    )
    verified.write(run.root)
    BenchmarkRecord(
        bundle=recipe.name,
        measured_at="2026-01-01T00:00:00+00:00",
        machine=MACHINE,
        settings=BenchmarkSettings(threads=None, seconds=1.0, rounds=1, batch_sizes=[1, 8]),
        skipped=[],
        variants=[_timed(str(key)) for key in VARIANTS if key != FAILED],
        recommendation=Recommendation(
            variant=str(VARIANTS[3]), reason="the fastest: 0.91 ms", tied=[], within=0.05
        ),
    ).write(run.root)
    return verified


def _evaluation(
    recipe: Recipe, test: SampleTable, probabilities_NC: NDArray[np.float32], measured: Decisions
) -> EvaluateRecord:
    targets_N, groups_N, names = test.targets_N(), test.groups_N(), test.labels.names
    by = {}
    if recipe.evaluate.by:
        by["group"] = {
            str(group): metrics.evaluate(
                probabilities_NC[groups_N == group],
                targets_N[groups_N == group],
                names,
                groups_N=groups_N[groups_N == group],
                resamples=100,
            )
            for group in np.unique(groups_N)
        }
    softened = calibration(probabilities_NC**0.5 / 2, targets_N, groups_N=groups_N, resamples=100)
    assert measured.calibration is not None
    return EvaluateRecord.of(
        metrics.evaluate(probabilities_NC, targets_N, names, groups_N=groups_N, resamples=100),
        by,
        metrics.worst_group(
            probabilities_NC, targets_N, {name: test.column_N(name) for name in recipe.evaluate.by}
        ),
        TrainedDecisions(
            calibration=TemperatureEffect(
                temperature=1.37, before=softened, after=measured.calibration
            ),
            threshold=measured.threshold,
            conformal=measured.conformal,
            novelty=measured.novelty,
        ),
    )


def _gate_entry(key: VariantKey, evaluation: EvaluateRecord, measured: Decisions) -> VariantVerdict:
    int8 = key.precision is Precision.INT8
    batch = Agreement(
        finite=True,
        max_abs_difference=0.0432 if int8 else 2.1e-6,
        top1_flips=3 if int8 else 0,
        drop=0.004 if int8 else 0.0,
        drop_low=-0.002 if int8 else 0.0,
        drop_high=0.0125 if int8 else 0.0,
        drop_within_limit_with_confidence=not int8,
    )
    reasons = ("batch 1: accuracy drops by 3.20 points; the limit is 0.5",) if key == FAILED else ()
    return VariantVerdict(
        variant=str(key),
        passed=key != FAILED,
        reasons=reasons,
        engine={"engine": str(key.engine)},
        batches={"1": batch, "3": batch},
        metrics=evaluation.metrics,
        worst_class=evaluation.worst_class,
        worst_group=evaluation.worst_group,
        operating=measured,
    )


def _timed(variant: str) -> MeasuredVariant:
    p50 = P50_MS[variant]
    figures = {
        "latency_ms": Latency(p50=p50, p90=p50 * 1.1, p99=p50 * 1.5),
        "latency_spread": 0.03,
        "throughput": {"batch1": 1000 / p50, "batch8": 1300 / p50},
        "load_ms": 55.0,
        "first_inference_ms": 4.2,
        "preprocess_ms": 0.31,
        "peak_memory_mb": 120.0,
    }
    return benchmark_records.measured(variant, [p50], 9_000_000).model_copy(update=figures)


def _manifest(recipe: Recipe, table: SampleTable, verified: VerifyRecord) -> Manifest:
    gate = {entry.variant: entry.to_json() for entry in verified.variants}
    sizes = {Precision.FP32: 9_100_000, Precision.INT8: 2_600_000}
    variants = [
        Variant(
            engine=key.engine,
            precision=key.precision,
            files=[
                FileEntry(path=f"{key}.onnx", sha256="cd" * 32, size=sizes[key.precision]),
            ],
            metrics=gate[str(key)]["metrics"],
        )
        for key in VARIANTS
        if key != FAILED
    ]
    return Manifest(
        format_version=FORMAT_VERSION,
        status="verified",
        name=recipe.name,
        task=CLASSIFICATION,
        labels=list(table.labels.names),
        labels_sha256=table.labels.sha256,
        input=INPUT.to_dict(),
        variants=variants,
        recommended={"default": str(VARIANTS[3])},
        lineage={
            "data_fingerprint": table.fingerprint(),
            "weights": {"source": "mobilenet_v2_base.pth", "sha256": "ab" * 32},
            "seed": 7,
            "versions": {"python": "3.12.1", "edgefit": "0.1.0", "torch": "2.15.0"},
        },
    )


def _write_golden(
    run: RunFolder, table: SampleTable, probabilities_NC: NDArray[np.float32]
) -> None:
    test = table.of("test")
    chosen = range(0, len(test), max(1, len(test) // 4))
    frames = [cv2.imread(str(test.absolute(test.samples[i])))[..., ::-1].copy() for i in chosen]
    write_golden(
        run.root / "export" / "golden",
        frames,
        [test.samples[i].path for i in chosen],
        {key: {"probabilities": probabilities_NC[list(chosen)]} for key in VARIANTS},
        [int(test.targets_N()[i]) for i in chosen],
    )


def entry(value: float, spread: float = 0.02) -> dict[str, float]:
    """A figure with an interval of so much to both sides."""
    return {"value": value, "low": value - spread, "high": value + spread}


def add_retention(finished: Finished, kept: float = 0.93) -> None:
    """What the stage ``retention`` writes; the recipe must name general images."""
    recipe = finished.run.recipe()
    figures = {"before": entry(0.8), "after": entry(0.8 * kept), "kept": entry(kept)}
    facts = {
        "general": {
            "root": str(recipe.retention.general),
            "classes": 5,
            "replay_images": 100,
            "probe_images": 100,
            "unreadable": {},
            "duplicates": [],
            "fingerprint": "ab" * 32,
        },
        "images": 100,
        "classes": 5,
        "k": 10,
        "confidence": 0.95,
        "neighbours": figures,
        "linear": figures,
        "notes": ["2 general images cannot be read and are left out."],
        "seconds": 4.0,
        "source_fingerprint": "ef" * 32,
    }
    RetentionRecord.model_validate(facts).write(finished.run.root)
    mark_done(finished.run, "retention", "retention")


def add_comparison(finished: Finished) -> None:
    """What ``edgefit retention --compare`` writes."""
    gain = {"gain": -0.004, "low": -0.011, "high": 0.002}
    arms = [
        {
            "name": name,
            "settings": {"train.keep.distill": 1.0} if name == "distill" else {},
            "metrics": {"balanced_accuracy": entry(accuracy)},
            "worst_class": class_figures("dent", accuracy - 0.1),
            "retention": {
                probe: {"before": entry(0.8), "after": entry(0.8 * kept), "kept": entry(kept)}
                for probe in ("neighbours", "linear")
            },
            "training_seconds": 12.0,
            "over_probe": None,
            "kept": {"linear": entry(kept), "neighbours": entry(kept - 0.1)},
            "over_none": None if name == "none" else gain,
        }
        for name, accuracy, kept in (("none", 0.97, 0.71), ("distill", 0.966, 0.95))
    ]
    facts = {
        **_same_images(finished),
        "metric": "balanced_accuracy",
        "general_images": 100,
        "general_classes": 5,
        "k": 10,
        "arms": arms,
        "notes": [],
    }
    ComparisonRecord.model_validate(facts).write(finished.run.root)


def add_learning_curve(finished: Finished) -> None:
    """What ``edgefit learning-curve --against-scratch`` writes."""
    points = [
        {
            "arm": arm,
            "percent": percent,
            "images": int(1.2 * percent),
            "groups": int(percent),
            "epochs": 12,
            "training_seconds": 9.0,
            "metrics": {"balanced_accuracy": entry(base + percent / 1000)},
            "worst_class": class_figures("dent", base),
        }
        for percent in (10.0, 50.0, 100.0)
        for arm, base in (("finetune", 0.86), ("scratch", 0.5))
    ]
    gain = {"gain": 0.36, "low": 0.3, "high": 0.42}
    facts = {
        **_same_images(finished),
        "metric": "balanced_accuracy",
        "rule": "The same epochs in every arm.",
        "epochs_scale": 0.5,
        "seed": 0,
        "points": points,
        "step": {"from": 50.0, "to": 100.0, **gain},
        "advantage": [{"percent": percent, **gain} for percent in (10.0, 50.0, 100.0)],
        "conclusion": "It is still rising, more images would help.",
    }
    LearningCurveRecord.model_validate(facts).write(finished.run.root)


def class_figures(label: str, recall: float) -> dict[str, Any]:
    """The results of a class."""
    figures = dict.fromkeys(("precision", "recall", "f1"), entry(recall))
    return {"label": label, "support": 20, **figures}


def _same_images(finished: Finished) -> dict[str, Any]:
    test = finished.table.of("test")
    groups = len(set(test.groups_N().tolist()))
    return {
        "data_fingerprint": finished.table.fingerprint(),
        "test_images": len(test),
        "test_groups": groups,
        "confidence": 0.95,
    }
