"""The stage ``export``: write the trained network as one file per engine and precision.

Writes a *draft* bundle: a bundle that has not passed the gate. Every variant comes from one
captured program. Each engine's own quantizer makes int8, calibrated on training images.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from edgefit.bundle import (
    FORMAT_VERSION,
    MANIFEST,
    BundleWriter,
    FileEntry,
    Manifest,
    Variant,
    describe_files,
    read_bundle,
    sha256_of,
)
from edgefit.data.frozen import frozen_samples
from edgefit.data.selection import choose_over_strata
from edgefit.data.table import SampleTable
from edgefit.data.tasks import TASKS as DATA_TASKS
from edgefit.export.metadata import ModelMetadata
from edgefit.operating.chosen import chosen_rule, reference_path
from edgefit.progress import QUIET, Reporter
from edgefit.quantize.calibration_set import calibration_frames
from edgefit.recipe import ExportConfig, Recipe
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.check import CheckRecord
from edgefit.records.export import ExportedVariant, ExportRecord
from edgefit.records.train import TrainRecord
from edgefit.run import RunFolder
from edgefit.runtime.engines import open_session
from edgefit.runtime.golden import write_golden
from edgefit.runtime.images.preprocess import decode_image, preprocess
from edgefit.runtime.tasks import TASKS as RUNTIME_TASKS
from edgefit.spec import (
    FEATURE_VECTOR,
    OUTPUTS,
    ClassTruth,
    Engine,
    Outputs,
    Precision,
    Rule,
    VariantKey,
)
from edgefit.stages.calibrate import Calibrate
from edgefit.stages.check import Check
from edgefit.stages.lineage import lineage
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Stage, require_packages
from edgefit.train.backbones.card import input_spec

Quantization = dict[str, JsonValue]
"""How an int8 file was made; each engine records its own settings."""


@dataclass(frozen=True)
class _Making:
    """The input from which all variants are made."""

    folder: Path
    program: Any
    metadata: ModelMetadata
    config: ExportConfig
    calibration_NHWC: NDArray[np.uint8]
    reporter: Reporter


class Export(Stage[ExportRecord]):
    """Export the best network of a run.

    Ensures ``export/``, a draft bundle with the golden frames and the operating point.
    """

    NAME = "export"
    SECTIONS = ("name", "export")
    REQUIRES = (Check, Calibrate)
    APPEARS_WHOLE = True

    def prepare(self) -> None:
        """Load and capture the network; decode the calibration set."""
        from edgefit.export.program import capture
        from edgefit.train.assembly import load_trained

        require_packages("workshop")
        recipe, table = self.recipe, frozen_samples(self.run)
        spec = input_spec(recipe)
        network = load_trained(self.run, CalibrateRecord.read(self.run.root).temperature or 1.0)
        self.temperature = float(network.temperature)
        self.rule = chosen_rule(self.run)
        wanted = RUNTIME_TASKS[recipe.task].wanted(self.rule)
        self.reporter.say("capturing the network")
        self.program = capture(network, spec, features=FEATURE_VECTOR.name in wanted)
        self.calibration_NHWC = calibration_frames(
            table,
            recipe.task,
            recipe.export.calibration_images,
            spec,
            seed=recipe.train.seed,
            reporter=self.reporter,
        )

    def work(self, *, resumable: bool) -> ExportRecord:
        """Write every variant of the captured network."""
        recipe, table = self.recipe, frozen_samples(self.run)
        spec, temperature, rule = input_spec(recipe), self.temperature, self.rule
        checked = CheckRecord.read(self.run.root)
        metadata = ModelMetadata(recipe.name, recipe.task, table.labels, spec, temperature, rule)
        with BundleWriter(self.folder) as writer:
            making = _Making(
                writer.folder,
                self.program,
                metadata,
                recipe.export,
                self.calibration_NHWC,
                self.reporter,
            )
            variants = [v for engine in recipe.export.engines for v in _MAKERS[engine](making)]
            files = _write_golden(writer.folder, variants, table, recipe)
            files += _copy_references(self.run, rule, writer.folder)
            manifest = Manifest(
                format_version=FORMAT_VERSION,
                status="draft",
                name=recipe.name,
                task=recipe.task,
                labels=list(table.labels.names),
                labels_sha256=table.labels.sha256,
                input=spec.to_dict(),
                temperature=temperature,
                operating=rule,
                variants=variants,
                files=files,
                lineage=lineage(
                    recipe,
                    data_fingerprint=checked.fingerprint,
                    images=checked.images,
                    weights=TrainRecord.read(self.run.root).weights,
                ),
            )
            writer.finish(manifest)
        return _summary(manifest)

    def result(self) -> ExportRecord:
        """The variants of the draft bundle."""
        return _summary(read_bundle(self.folder, allow_draft=True).manifest)

    def outputs(self, record: ExportRecord) -> str:
        """Hash of the manifest."""
        return sha256_of(self.folder / MANIFEST)


def export(run: RunFolder, reporter: Reporter = QUIET) -> ExportRecord:
    """Run the stage; see :class:`Export`.

    Returns:
        Size and quantization of each variant.

    Raises:
        StageError: The network cannot be captured, or an engine refuses a file.
    """
    return always(Runner(run, reporter).run_last(Export))


def _make_onnxruntime(making: _Making) -> list[Variant]:
    from edgefit.export.onnx_file import halve_weights, save_onnx, write_onnx
    from edgefit.quantize.onnxruntime import quantize_onnxruntime

    folder = making.folder / Engine.ONNXRUNTIME
    folder.mkdir()
    paths = {p: folder / f"model.{p}.onnx" for p in Precision}
    making.reporter.say("writing ONNX")
    write_onnx(making.program, paths[Precision.FP32], making.metadata, opset=making.config.opset)
    details: dict[Precision, Quantization] = {}
    if Precision.FP16 in making.config.precisions:
        halve_weights(paths[Precision.FP32], paths[Precision.FP16], making.metadata)
    if Precision.INT8 in making.config.precisions:
        making.reporter.say("quantizing for onnxruntime")
        model, details[Precision.INT8] = quantize_onnxruntime(
            paths[Precision.FP32], making.calibration_NHWC
        )
        save_onnx(model, paths[Precision.INT8], making.metadata)
    return _variants(making, Engine.ONNXRUNTIME, {p: [paths[p]] for p in Precision}, details)


def _make_openvino(making: _Making) -> list[Variant]:
    from edgefit.export.openvino_ir import save_ir, to_openvino
    from edgefit.quantize.openvino import quantize_openvino

    folder = making.folder / Engine.OPENVINO
    folder.mkdir()
    paths = {p: folder / f"model.{p}.xml" for p in Precision}
    making.reporter.say("writing OpenVINO IR")
    model = to_openvino(making.program, making.metadata)
    details: dict[Precision, Quantization] = {}
    if Precision.INT8 in making.config.precisions:
        making.reporter.say("quantizing for OpenVINO")
        quantized, details[Precision.INT8] = quantize_openvino(model, making.calibration_NHWC)
        save_ir(quantized, paths[Precision.INT8], making.metadata)
    if Precision.FP16 in making.config.precisions:
        save_ir(model, paths[Precision.FP16], making.metadata, half=True)
    if Precision.FP32 in making.config.precisions:
        save_ir(model, paths[Precision.FP32], making.metadata)
    files = {p: [paths[p], paths[p].with_suffix(".bin")] for p in Precision}
    return _variants(making, Engine.OPENVINO, files, details)


_MAKERS = {Engine.ONNXRUNTIME: _make_onnxruntime, Engine.OPENVINO: _make_openvino}


def _variants(
    making: _Making,
    engine: Engine,
    files: dict[Precision, list[Path]],
    details: dict[Precision, Quantization],
) -> list[Variant]:
    made = []
    for precision, paths in files.items():
        if precision not in making.config.precisions:
            for path in paths:
                path.unlink(missing_ok=True)  # the fp32 file that int8 was made from
            continue
        entries = describe_files(
            making.folder, [p.relative_to(making.folder).as_posix() for p in paths]
        )
        made.append(
            Variant(
                engine=engine,
                precision=precision,
                files=entries,
                quantization=details.get(precision, {}),
            )
        )
    return made


def _write_golden(
    folder: Path, variants: list[Variant], table: SampleTable, recipe: Recipe
) -> list[FileEntry]:
    """Save a few held-out frames, with the outputs of each exported file."""
    test = table.of("test")
    spec = input_spec(recipe)
    count, seed = recipe.export.golden_frames, recipe.train.seed
    chosen = choose_over_strata(test, recipe.task, count, seed=seed)
    frames = [decode_image(test.absolute(sample), spec) for sample in chosen]
    inputs_NHWC = np.stack([preprocess(frame, spec) for frame in frames])
    names = [output.name for output in OUTPUTS[recipe.task]]
    outputs: dict[VariantKey, Outputs] = {}
    for variant in variants:
        session = open_session(folder / variant.files[0].path, variant.key, batch=1)
        answers = [session.infer(image[np.newaxis], names) for image in inputs_NHWC]
        outputs[variant.key] = {n: np.concatenate([a[n] for a in answers]) for n in names}
    golden = folder / "golden"
    write_golden(
        golden,
        frames,
        names=[sample.path for sample in chosen],
        outputs=outputs,
        targets=[
            truth.index if isinstance(truth, ClassTruth) else None
            for truth in DATA_TASKS[recipe.task].truths(test.with_samples(chosen))
        ],
    )
    written = sorted(p.relative_to(folder).as_posix() for p in golden.rglob("*") if p.is_file())
    return describe_files(folder, written)


def _copy_references(run: RunFolder, rule: Rule, folder: Path) -> list[FileEntry]:
    for name, relative in rule.files.items():
        copy = folder / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(reference_path(run.root, name), copy)
    return describe_files(folder, rule.files.values())


def _summary(manifest: Manifest) -> ExportRecord:
    return ExportRecord(
        variants=[
            ExportedVariant(variant=str(v.key), bytes=v.size, quantization=v.quantization)
            for v in manifest.variants
        ]
    )
