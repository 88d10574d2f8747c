"""The suites that write what a run measured into a recipe's README and into a result file."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import numpy as np
import pytest

from benchmarks import finetune_vs_scratch, operating_point, retention_table
from benchmarks.readme import insert, percent, points, write_section
from edgefit.metrics import evaluate
from edgefit.metrics.reliability import calibration
from edgefit.operating.decisions import measure_decisions
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder
from edgefit.spec import ClassificationRule, ConformalRule, DefectThreshold, LabelMap
from tests.run_files import read_file, write_file

SCHEMA = Path(__file__).parents[3] / "benchmarks" / "schema.json"
Facts = dict[str, Any]


def entry(value: float, half: float = 0.02) -> Facts:
    return {"value": value, "low": value - half, "high": value + half}


def gain(value: float) -> Facts:
    return {"gain": value, "low": value - 0.01, "high": value + 0.01}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.start(make_recipe({"name": "signs", "operating": {"good": "ok", "max_escape": 0.1}}))
    return folder


def run_suite(
    suite: ModuleType, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, dict[str, Facts], list[str]]:
    """The page, figures by name and notes that a suite wrote."""
    readme, out = tmp_path / "studies" / "signs.md", tmp_path / "out.json"
    readme.parent.mkdir(exist_ok=True)
    readme.write_text("# signs\n\nWords of the author.\n", encoding="utf-8")
    arguments = [str(run.root), "--readme", str(readme), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["suite", *arguments])
    suite.main()
    result = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(result, json.loads(SCHEMA.read_text(encoding="utf-8")))
    figures = {figure["name"]: figure for figure in result["figures"]}
    assert len(figures) == len(result["figures"])
    assert all(figure.get("peer", name) in figures for name, figure in figures.items())
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("# signs\n\nWords of the author.\n")
    assert str(run.root) not in text + out.read_text(encoding="utf-8")
    return text, figures, result["notes"]


class TestReadme:
    def test_replaces_only_what_stands_between_the_lines(self) -> None:
        text = "before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n"
        assert insert(text, "a", "new") == text.replace("old", "new")

    def test_adds_a_section_once(self) -> None:
        once = insert("text\n", "a", "one", "Title")
        assert once == "text\n\n## Title\n\n<!-- a: begin -->\none\n<!-- a: end -->\n"
        assert insert(once, "a", "one", "Title") == once

    @pytest.mark.parametrize("text", ["", "<!-- a: begin -->"])
    def test_missing_lines(self, text: str) -> None:
        with pytest.raises(SystemExit, match="lacks the lines"):
            insert(text, "a", "new")

    def test_a_lonely_line_is_not_patched_over(self) -> None:
        with pytest.raises(SystemExit, match="lacks the lines"):
            insert("<!-- a: begin -->", "a", "new", "Title")

    def test_missing_readme(self, tmp_path: Path) -> None:
        with pytest.raises(SystemExit, match="no page"):
            write_section(tmp_path / "README.md", "a", "Title", [])

    def test_words(self) -> None:
        assert percent(entry(0.5)) == "50.00 % (48.0-52.0)"
        assert percent(entry(0.5) | {"count": 3, "images": 6}) == "50.00 % (48.0-52.0), 3 of 6"
        assert percent(None) == percent({"value": None, "low": None, "high": None}) == "-"
        assert points(gain(-0.02)) == "-2.00 (-3.0 to -1.0)"
        assert points(None) == "-"


def learning_curve() -> Facts:
    def point(arm: str, share: float, value: float) -> Facts:
        return {
            "arm": arm,
            "percent": share,
            "images": int(20 * share),
            "groups": int(4 * share),
            "epochs": 12,
            "training_seconds": 9.0,
            "metrics": {"accuracy": entry(value)},
            "worst_class": {"label": "stop", "recall": entry(value - 0.1), "support": 9},
        }

    return {
        "metric": "accuracy",
        "test_images": 200,
        "test_groups": 40,
        "confidence": 0.95,
        "rule": "The rule in words.",
        "points": [
            point("finetune", 5.0, 0.8),
            point("scratch", 5.0, 0.2),
            point("finetune", 100.0, 0.9),
            point("scratch", 100.0, 0.92),
        ],
        "advantage": [{"percent": 5.0, **gain(0.6)}, {"percent": 100.0, **gain(-0.02)}],
        "step": {"from": 5.0, "to": 100.0, **gain(0.1)},
        "conclusion": "More would help.",
    }


class TestFinetuneVsScratch:
    def write(self, run: RunFolder, curve: Facts) -> None:
        write_file(run, "learning-curve", "learning-curve.json", curve)
        (run.root / "learning-curve" / "learning-curve.svg").write_text("<svg/>")

    def test_losses_are_told_too(
        self, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.write(run, learning_curve())
        text, figures, notes = run_suite(finetune_vs_scratch, run, tmp_path, monkeypatch)
        cells = ["100 (5 %)", "12", "80.00 % (78.0-82.0)", "20.00 % (18.0-22.0)"]
        cells += ["+60.00 (+59.0 to +61.0)", "stop 70 % / stop 10 %"]
        assert f"| {' | '.join(cells)} |" in text
        assert "](signs-learning-curve.svg)" in text
        assert (tmp_path / "studies" / "signs-learning-curve.svg").read_text() == "<svg/>"
        few = figures["fine-tuned, 5 % of the images, accuracy"]
        assert (few["median"], few["ratio"], few["reached"]) == (80.0, 4.0, True)
        assert few["peer"] == "from random weights, 5 % of the images, accuracy"
        assert figures["fine-tuned, 100 % of the images, accuracy"]["reached"] is False
        assert notes[-1] == "More would help."

    def test_needs_both_arms(self, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.write(run, learning_curve() | {"advantage": []})
        monkeypatch.setattr(sys, "argv", ["suite", str(run.root)])
        with pytest.raises(SystemExit, match="--against-scratch"):
            finetune_vs_scratch.main()


def comparison() -> Facts:
    def arm(name: str, accuracy: float, kept: float, over_none: float | None) -> Facts:
        return {
            "name": name,
            "settings": {"train.keep.distill": 1.0} if name == "distill" else {},
            "metrics": {"accuracy": entry(accuracy)},
            "retention": {
                probe: {"before": entry(0.6), "after": entry(0.6 * kept), "kept": entry(kept)}
                for probe in ("neighbours", "linear")
            },
            "kept": {probe: entry(kept) for probe in ("neighbours", "linear")},
            "over_none": None if over_none is None else gain(over_none),
            "over_probe": None if name == "probe" else gain(0.1),
        }

    return {
        "metric": "accuracy",
        "test_images": 200,
        "test_groups": 40,
        "confidence": 0.95,
        "general_images": 2000,
        "general_classes": 100,
        "k": 10,
        "arms": [
            arm("none", 0.99, 0.7, None),
            arm("probe", 0.89, 1.0, -0.1),
            arm("distill", 0.988, 0.96, -0.002),
            arm("freeze", 0.98, 0.97, -0.01),
            arm("l2-sp", 0.991, 0.8, 0.001),
        ],
        "notes": ["A note."],
    }


class TestRetentionTable:
    def test_goal_needs_both_knowledge_and_accuracy(
        self, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_file(run, "retention", "comparison.json", comparison())
        (run.root / "retention" / "comparison.svg").write_text("<svg/>")
        text, figures, notes = run_suite(retention_table, run, tmp_path, monkeypatch)
        assert "Reached by distill: 95 % of the linear probe's accuracy kept" in text
        assert (
            "| distill (keep.distill 1.0) | 98.80 % (96.8-100.8) | -0.20 (-1.2 to +0.8) |" in text
        )
        assert "nearest neighbours 60.00 %" in text
        reached = {n: f["reached"] for n, f in figures.items() if "reached" in f}
        assert reached == {
            "distill, kept by linear probe": True,
            "freeze, kept by linear probe": False,
            "l2-sp, kept by linear probe": False,
        }
        assert notes[-1] == "A note."

    def test_nothing_reached(self) -> None:
        facts = comparison()
        facts["arms"] = facts["arms"][:2]
        assert retention_table.verdict(facts).startswith("Reached by no setting")


class TestOperatingPoint:
    @pytest.fixture
    def finished(self, run: RunFolder) -> RunFolder:
        """Sixty parts, ten of them mistaken, decided by a threshold and a reject option."""
        random = np.random.default_rng(0)
        targets_N = np.arange(60) % 2
        defect_N = np.clip(0.25 + 0.5 * targets_N + random.normal(0, 0.2, 60), 0.01, 0.99)
        probabilities_NC = np.stack([1 - defect_N, defect_N], axis=1)
        labels = LabelMap(("ok", "scratched"))
        rule = DefectThreshold("ok", "scratched", 0.4)
        point = ClassificationRule(rule, ConformalRule(0.9, 0.6))
        measured = measure_decisions(probabilities_NC, targets_N, labels, point).to_json()
        before_after = {
            "before": calibration(probabilities_NC, targets_N).to_json(),
            "after": measured["calibration"],
        }
        trained = evaluate(probabilities_NC, targets_N, labels.names).to_json()
        trained["operating"] = measured | {"calibration": {"temperature": 1.2, **before_after}}
        write_file(run, "evaluate", "evaluation.json", trained)
        worse = copy.deepcopy(measured)
        worse["threshold"]["escape_rate"]["value"] = 0.5
        variants = [
            {"variant": "openvino/fp32", "operating": measured},
            {"variant": "openvino/int8", "operating": worse},
            {"variant": "onnxruntime/int8", "operating": None},
        ]
        write_file(run, "verify", "verify.json", {"variants": variants})
        chosen: Facts = {"good": "ok", "defect": "scratched", "value": 0.4, "limit": 0.1}
        chosen |= {"chosen_for": "max_escape", "upper_bound": 0.08, "bound_confidence": 0.95}
        operating = {
            "temperature": 1.2,
            "calibration": before_after,
            "threshold": chosen | measured["threshold"],
            "conformal": {"coverage": 0.9, "quantile": 0.6},
            "novelty": None,
            "notes": ["A note."],
        }
        write_file(run, "calibrate", "operating.json", operating)
        return run

    def test_every_file_has_its_own_rates(
        self, finished: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text, figures, notes = run_suite(operating_point, finished, tmp_path, monkeypatch)
        assert "| file | escape | overkill | sets cover | unsure | calibration error |" in text
        for name in ("trained network", "openvino/fp32", "openvino/int8"):
            assert f"\n| {name} | " in text
        assert "onnxruntime/int8" not in text
        assert "scratched from a probability of 0.4000 on (chosen for an escape rate" in text
        assert "at most 10 %: 8.00 % at 95 % confidence" in text
        int8 = figures["openvino/int8, escape"]
        assert (int8["median"], int8["reached"]) == (50.0, False)
        assert int8["goal"] == "at most 10 %"
        assert "goal" not in figures["openvino/int8, overkill"]
        assert "trained network, calibration error without temperature" in figures
        assert "- A note." in notes
        assert not any(note.startswith("|") for note in notes)

    def test_a_run_without_threshold(self, finished: RunFolder) -> None:
        for stage, name in (("evaluate", "evaluation"), ("verify", "verify")):
            facts = read_file(finished, stage, f"{name}.json")
            for one in [facts] if stage == "evaluate" else facts["variants"]:
                if one["operating"]:
                    one["operating"]["threshold"] = None
            write_file(finished, stage, f"{name}.json", facts)
        chosen = read_file(finished, "calibrate", "operating.json") | {"threshold": None}
        write_file(finished, "calibrate", "operating.json", chosen)
        text = "\n".join(operating_point.render(finished))
        assert "| file | sets cover | unsure | calibration error |" in text
        assert "scratched" not in text
