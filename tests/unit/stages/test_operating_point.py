"""The operating point on its way to the device: each file is measured with its own answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgefit.bundle import read_bundle
from edgefit.cli.main import run as edgefit
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.evaluate import EvaluateRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder
from edgefit.runtime.images.decode import decode_image
from edgefit.runtime.predictor import load
from edgefit.runtime.tasks.prototypes import read_prototypes
from edgefit.spec import UNSURE, ClassificationRule, VariantKey
from edgefit.stages import bundle as bundle_stage
from edgefit.stages.benchmark import benchmark_run
from edgefit.stages.calibrate import calibrate
from edgefit.stages.evaluate import evaluate
from edgefit.stages.export import export
from edgefit.stages.verify import verify
from tests.stamps import mark_done
from tests.trained_run import again, solved_run, write_discs

pytestmark = pytest.mark.slow
VARIANTS = {f"{e}/{p}" for e in ("onnxruntime", "openvino") for p in ("fp32", "int8")}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on hard pictures with noise from elsewhere, done up to ``export``."""
    folder = tmp_path_factory.mktemp("operating")
    pictures = write_discs(folder / "pictures", {"good": 120, "hole": 120}, spread=22)
    general = write_discs(folder / "general", {"a": 8, "b": 8}, spread=60, seed=3)
    run = solved_run(
        folder / "run",
        pictures,
        "operating.good=good",
        "operating.max_escape=0.2",
        "operating.coverage=0.9",
        f"retention.general={general}",
    )
    calibrate(run)
    evaluate(run)
    export(run)
    return run


@pytest.fixture(scope="module")
def verified(exported: RunFolder) -> VerifyRecord:
    return verify(exported)


@pytest.fixture(scope="module")
def bundle(exported: RunFolder, verified: VerifyRecord) -> Path:
    assert set(verified.passed) == VARIANTS
    benchmark_run(exported)
    with pytest.MonkeyPatch.context() as patch:  # a network that was solved for has no history
        patch.setattr(bundle_stage, "write_report", lambda *_, **__: [])
        bundle_stage.bundle_run(exported)
    return exported.root / "bundle"


def test_every_file_is_measured_at_the_operating_point(
    exported: RunFolder, verified: VerifyRecord
) -> None:
    trained = EvaluateRecord.read(exported.root).operating
    entries = {entry.variant: entry for entry in verified.variants}
    assert set(entries) == VARIANTS
    for name, entry in entries.items():
        measured = entry.operating
        assert measured is not None and measured.threshold is not None
        assert measured.conformal is not None and measured.conformal.escape_rate is not None
        assert measured.novelty is not None
        assert list(measured.novelty.to_json()) == ["flagged", "flagged_elsewhere", "roc_auc"]
        assert entry.worst_class is not None and entry.worst_class.recall.value <= 1
        if name.endswith("fp32"):
            assert entry.batches["1"].novelty_difference < 1e-3
            assert measured.threshold == trained.threshold
            assert measured.novelty.flagged == trained.novelty.flagged


def test_int8_is_measured_with_its_own_answers(exported: RunFolder, verified: VerifyRecord) -> None:
    """Its figures are recomputed here through its engine, from pictures to rates."""
    bundle = read_bundle(exported.root / "export", allow_draft=True)
    point = ClassificationRule.of(bundle.operating)
    assert point.threshold is not None and point.novelty is not None
    prototypes_CF = read_prototypes(bundle, point.novelty.prototypes)
    from edgefit.data.frozen import frozen_samples
    from edgefit.operating.novelty import novelty_scores
    from edgefit.runtime.engines import open_session
    from edgefit.runtime.images.preprocess import preprocess

    test = frozen_samples(exported).of("test")
    key = VariantKey.parse("onnxruntime/int8")
    session = open_session(bundle.model_path(key), key, batch=1)
    rows, scores = [], []
    for sample in test.samples:
        image = preprocess(decode_image(test.absolute(sample), bundle.input), bundle.input)
        found = session.infer(image[np.newaxis])
        rows.append(found["probabilities"][0])
        scores.append(novelty_scores(found["feature_vector"], prototypes_CF)[0])
    defect_N = np.stack(rows)[:, 1] >= point.threshold.value
    truth_N = test.targets_N() == 1
    entry = verified.verdict(str(key))
    rates = entry.operating.threshold
    assert rates.escape_rate.count == int((~defect_N & truth_N).sum())
    assert rates.overkill_rate.count == int((defect_N & ~truth_N).sum())
    flagged = entry.operating.novelty.flagged.count
    assert flagged == int((np.array(scores) > point.novelty.threshold).sum())
    assert entry.batches["1"].novelty_difference > 0


def test_a_limit_that_a_file_breaks_is_told(
    exported: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunFolder(shutil.copytree(exported.root, tmp_path / "run"))
    path = run.root / "stamps" / "calibrate.done.json"
    stamps = path.read_text()
    again(run, ["operating.max_escape=0.0001"])
    # as if validation had allowed it: only the limit that verify compares with has changed
    for stage in ("calibrate", "evaluate", "export"):
        mark_done(run, stage, json.loads(stamps)["outputs"] + stage)
    assert edgefit(["verify", str(run.root), "--quiet"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    results = VerifyRecord.read(run.root)
    rates = [entry.operating.threshold.escape_rate.value for entry in results.variants]
    told = [any("escape rate" in w for w in entry.warnings) for entry in results.variants]
    assert told == [rate > 0 for rate in rates]
    assert any(rates), "the pictures are too easy to show anything"
    assert "escape rate (defects let through)" in out
    assert "worst class: " in out


def test_the_bundle_carries_what_the_device_needs(exported: RunFolder, bundle: Path) -> None:
    read = read_bundle(bundle)
    chosen = CalibrateRecord.read(exported.root)
    assert read.manifest.temperature == pytest.approx(chosen.temperature)
    assert read.operating.threshold is not None and read.operating.novelty is not None
    assert read.operating.threshold.value == chosen.threshold.value
    assert read.operating.novelty.prototypes in {f.path for f in read.manifest.files}
    for variant in read.manifest.variants:
        assert variant.gate["operating"]["threshold"]["escape_rate"]["images"] == 36
        assert variant.gate["worst_class"]["label"] in read.labels.names


def test_the_device_decides_as_the_workshop_measured(
    exported: RunFolder, bundle: Path, verified: VerifyRecord, tmp_path: Path
) -> None:
    from edgefit.data.frozen import frozen_samples

    test = frozen_samples(exported).of("test")
    folder = tmp_path / "test"
    for sample in test.samples:
        copy = folder / sample.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(test.absolute(sample), copy)
    left_to_a_person = 0
    for name in sorted(VARIANTS):
        out = tmp_path / f"{name.replace('/', '-')}.jsonl"
        command = ["predict", str(bundle), str(folder), "--variant", name, "--out", str(out), "-q"]
        assert edgefit(command) == 0
        answers = [json.loads(line) for line in out.read_text().splitlines()]
        assert len(answers) == len(test)
        measured = verified.verdict(name).operating
        escaped = [a for a in answers if "hole" in a["name"] and a["decision"] == "good"]
        assert len(escaped) == measured.conformal.escape_rate.count
        assert sum(a["unsure"] for a in answers) == measured.conformal.unsure.count
        assert sum(a["novel"] for a in answers) == measured.novelty.flagged.count
        assert all((a["decision"] == UNSURE) == a["unsure"] for a in answers)
        left_to_a_person += sum(a["unsure"] for a in answers)
    assert left_to_a_person > 0, "the pictures are too easy to show anything"


def test_from_python(exported: RunFolder, bundle: Path) -> None:
    predictor = load(bundle, variant="onnxruntime/fp32")
    frame = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    prediction = predictor(frame)
    assert prediction.decision in ("good", "hole", UNSURE)
    assert prediction.novelty is not None
    threshold = predictor.operating.novelty
    assert threshold is not None
    assert prediction.is_novel == (prediction.novelty > threshold.threshold)


def test_the_device_needs_no_torch_for_it(bundle: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "blocked = ('torch', 'torchvision', 'lightning', 'albumentations', 'nncf', 'onnx', "
        "'openvino', 'sklearn', 'scipy')\n"
        "sys.modules.update(dict.fromkeys(blocked))\n"
        "import numpy as np, edgefit\n"
        "p = edgefit.load(sys.argv[1], variant='onnxruntime/int8')\n"
        "r = p(np.zeros((32, 32, 3), np.uint8))\n"
        "print(r.decision, r.novelty > 0, r.is_novel)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] in ("good", "hole", UNSURE)


def test_without_an_operating_point_the_graph_has_one_output(
    exported: RunFolder, tmp_path: Path
) -> None:
    run = RunFolder(shutil.copytree(exported.root, tmp_path / "run"))
    off = ["max_escape=null", "good=null", "coverage=null", "novelty=false"]
    again(run, [f"operating.{text}" for text in off] + ["export.engines=[onnxruntime]"])
    calibrate(run)
    export(run)
    bundle = read_bundle(run.root / "export", allow_draft=True)
    assert bundle.operating.novelty is None and not bundle.operating.decides
    assert not (run.root / "export" / "operating").exists()
    import onnxruntime

    path = bundle.model_path(VariantKey.parse("onnxruntime/fp32"))
    outputs = onnxruntime.InferenceSession(str(path)).get_outputs()
    assert [output.name for output in outputs] == ["probabilities"]
