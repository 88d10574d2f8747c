"""The stage ``calibrate``: what it chooses, what it refuses, what ``evaluate`` makes of it."""

from __future__ import annotations

import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from edgefit.cli.main import run as edgefit
from edgefit.errors import GateError, InputError, RunError
from edgefit.evaluate import outputs
from edgefit.operating.chosen import chosen_rule, read_references, reference_path
from edgefit.operating.novelty import novelty_scores
from edgefit.progress import Reporter
from edgefit.records.calibrate import CalibrateRecord
from edgefit.run import RunFolder
from edgefit.spec import ClassificationRule
from edgefit.stages.calibrate import calibrate
from edgefit.stages.evaluate import evaluate
from edgefit.train.assembly import load_trained
from tests.stamps import is_done
from tests.trained_run import again, solved_run, write_discs

QUALITY = ("operating.good=good", "operating.max_escape=0.1", "operating.coverage=0.95")


def test_it_chooses_a_threshold_a_reject_rule_and_what_is_novel(run: RunFolder) -> None:
    found = calibrate(run)
    assert found == CalibrateRecord.read(run.root)
    assert (found.images, found.groups) == (96, 96)
    before, after = found.calibration.before, found.calibration.after
    assert after.negative_log_likelihood.is_below(before.negative_log_likelihood)
    assert after.expected_calibration_error.value < 0.08
    threshold = found.threshold
    assert (threshold.good, threshold.defect) == ("good", "hole")
    assert threshold.chosen_for == "max_escape"
    assert threshold.escape_rate.value <= threshold.upper_bound <= 0.1
    assert threshold.escape_rate.low < threshold.escape_rate.high
    assert found.conformal.coverage == 0.95
    assert "choose the epoch" in found.notes[0]
    point = ClassificationRule.of(chosen_rule(run))
    assert point.threshold is not None and point.threshold.value == threshold.value
    assert point.conformal is not None and point.novelty is not None
    prototypes_CF = read_references(run).get("prototypes")
    assert prototypes_CF is not None and prototypes_CF.shape == (2, found.novelty.features)


def test_the_temperature_is_not_applied_twice(run: RunFolder) -> None:
    found = calibrate(run)
    assert found.temperature > 1.2  # these logits are far too sharp
    network = load_trained(run, found.temperature)
    assert float(network.temperature) == pytest.approx(found.temperature)
    shutil.rmtree(run.root / "calibrate")
    assert calibrate(run) == found


def test_it_can_be_switched_off_and_a_change_is_seen(run: RunFolder) -> None:
    calibrate(run)
    again(run, ["operating.temperature=false", "operating.novelty=false"])
    with pytest.raises(RunError, match="inputs of the stage `calibrate` have changed"):
        evaluate(run)
    found = calibrate(run)
    assert found.temperature == 1
    assert found.novelty is None
    assert read_references(run) == {}
    assert not reference_path(run.root, "prototypes").exists()
    assert evaluate(run).operating.novelty is None


def test_a_second_call_does_no_work(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    found = calibrate(run)
    monkeypatch.setattr("edgefit.train.assembly.load_trained", None)
    assert calibrate(run) == found


def test_only_validation_and_training_images_are_read(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str | None] = set()

    class Watching(outputs.FrameStore):
        def __init__(self, samples: Any, *rest: Any, **options: Any) -> None:
            seen.update(s.split for s in samples)
            super().__init__(samples, *rest, **options)

    monkeypatch.setattr(outputs, "FrameStore", Watching)
    calibrate(run)
    assert seen == {"val", "train"}


def test_too_few_defects_are_refused_and_nothing_is_done(run: RunFolder) -> None:
    again(run, ["operating.max_escape=0.005"])
    with pytest.raises(GateError, match="too few defects") as caught:
        calibrate(run)
    assert "598" in str(caught.value.expected)
    assert "48 groups" in str(caught.value.found)
    assert not is_done(run, "calibrate")
    again(run, ["operating.max_escape=0.1", "operating.coverage=0.999"])
    with pytest.raises(GateError, match="too small for this coverage"):
        calibrate(run)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("operating.good=fine", "not in the class list"),
        ("operating.good=unsure", "not in the class list"),
    ],
)
def test_a_good_class_that_is_none_is_named(run: RunFolder, override: str, message: str) -> None:
    again(run, [override])
    with pytest.raises(InputError, match=message) as caught:
        calibrate(run)
    assert caught.value.key == "operating.good"


def test_overkill_is_limited_likewise(run: RunFolder) -> None:
    again(run, ["operating.max_escape=null", "operating.max_overkill=0.1"])
    found = calibrate(run).threshold
    assert found.chosen_for == "max_overkill"
    assert found.overkill_rate.value <= found.upper_bound <= 0.1


def test_more_than_two_classes_have_no_threshold(tmp_path: Path) -> None:
    pictures = write_discs(tmp_path / "p", {"dent": 20, "good": 20, "unsure": 20})
    run = solved_run(tmp_path / "run", pictures)
    found = calibrate(run)
    assert found.threshold is None and found.conformal is None
    again(run, ["operating.good=good"])
    with pytest.raises(InputError, match="two classes"):
        calibrate(run)
    again(run, ["operating.good=null", "operating.coverage=0.8"])
    with pytest.raises(InputError, match="left to a person") as caught:
        calibrate(run)
    assert caught.value.found == "unsure"


def test_the_command(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert edgefit(["calibrate", str(run.root), "--quiet"]) == 0
    out = capsys.readouterr().out
    for words in ("temperature", "escape rate", "max_escape", "novel above", "unsure unless"):
        assert words in out
    assert edgefit(["evaluate", str(run.root), "--quiet"]) == 0
    out = capsys.readouterr().out
    for words in ("worst class: ", "escape rate (defects let through)", "unsure", "novel"):
        assert words in out
    refused = ["calibrate", str(run.root), "--set", "operating.max_escape=0.001", "--json"]
    assert edgefit(refused) == 1
    assert '"GateError"' in capsys.readouterr().out


def test_novelty_is_scored_by_the_features_of_the_network(run: RunFolder) -> None:
    calibrate(run)
    prototypes_CF = read_references(run).get("prototypes")
    assert prototypes_CF is not None
    own_N = novelty_scores(prototypes_CF, prototypes_CF)
    np.testing.assert_allclose(own_N, 0, atol=1e-5)


def test_a_threshold_that_rejects_most_good_parts_is_warned_of(tmp_path: Path) -> None:
    pictures = write_discs(tmp_path / "p", {"good": 120, "hole": 120}, spread=120)
    run = solved_run(tmp_path / "run", pictures, *QUALITY)
    console = Console(file=StringIO(), width=300)
    found = calibrate(run, Reporter(console=console))
    price = found.threshold.overkill_rate.value
    assert price > 0.5  # the classes overlap, so hardly any defect may escape only at that price
    assert f"{price:.0%} of the good parts are rejected" in found.warnings[-1]
    assert found.warnings[-1] in console.file.getvalue()
    console.file = StringIO()
    assert calibrate(run, Reporter(console=console)) == found
    assert found.warnings[-1] in console.file.getvalue()  # the second time too


def test_no_warning_where_the_classes_are_told_apart(run: RunFolder) -> None:
    assert calibrate(run).warnings == ()
