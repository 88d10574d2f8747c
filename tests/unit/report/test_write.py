from __future__ import annotations

import getpass
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgefit.bench.recommend import recommend
from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.verify import VerifyRecord
from edgefit.report.write import write_report
from tests.benchmark_records import failed
from tests.changed import changed
from tests.run_files import read_file, write_file
from tests.unit.report.finished_run import (
    Finished,
    MakeRun,
    add_comparison,
    add_learning_curve,
    add_retention,
)

NASTY = '<img src=x onerror="alert(1)">'
EVERYTHING = [
    "operating.max_escape=0.05",
    "operating.coverage=0.9",
    "train.interpolation.points=5",
    "evaluate.by=[group]",
]
OPTIONAL = (
    "Phase one",
    "Between probe and fine-tuned",
    "Would more images help",
    "General knowledge kept",
    "Remedies against forgetting",
    "Unsure answers",
    "escape rate",
)
_VOID = {"meta", "img", "br", "wbr", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects what a page would load, and checks that every element is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.targets: list[str] = []
        self.identifiers: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"<{tag} {name}>"
            if name in ("src", "xlink:href", "data", "srcset"):
                self.loads.append(value or "")
            elif name == "href":
                self.targets.append(value or "")
            elif name == "id":
                self.identifiers.append(value or "")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def written(finished: Finished, target: Path) -> tuple[str, str]:
    target.mkdir()
    assert write_report(finished.run, finished.manifest, target) == [
        "report.html",
        "MODEL_CARD.md",
    ]
    assert sorted(p.name for p in target.iterdir()) == ["MODEL_CARD.md", "report.html"]
    page = (target / "report.html").read_text(encoding="utf-8")
    return page, (target / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_page_opens_offline_and_its_links_lead_somewhere(make_run: MakeRun, tmp_path: Path) -> None:
    text, _ = written(make_run(), tmp_path / "out")
    page = Page(text)
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in page.loads)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text
    assert {address[1:] for address in page.targets} <= set(page.identifiers)
    assert all(address.startswith("#") for address in page.targets)
    assert len(page.identifiers) == len(set(page.identifiers))


@pytest.mark.slow
def test_every_part_is_shown_where_the_run_has_it(make_run: MakeRun, tmp_path: Path) -> None:
    page, card = written(full_run(make_run, tmp_path), tmp_path / "out")
    parsed = Page(page)
    assert {title for title in OPTIONAL if title in page} == set(OPTIONAL)
    assert {address[1:] for address in parsed.targets} <= set(parsed.identifiers)
    assert {"#curve", "#knowledge", "#decisions"} <= set(parsed.targets)
    assert len(parsed.identifiers) == len(set(parsed.identifiers))
    assert page.count("<svg") == 10
    assert page.count("<svg") == page.count('role="img" aria-label="')
    assert not re.findall(r"#0a0b0\d", page)
    assert "still rising" in card
    assert "93.0 % (91.0 to 95.0 %)" in card
    assert str(tmp_path) not in page + card


def test_worst_group_and_gate_warnings_are_on_the_page(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run()
    accuracy = {"value": 0.4, "low": 0.2, "high": 0.7}
    group = {"column": "camera", "value": NASTY, "images": 7, "accuracy": accuracy}
    changes = {"worst_group": group, "warnings": ["escape rate 3 % is high"]}
    verified = changed(
        VerifyRecord.read(finished.run.root),
        {f"variants.3.{name}": value for name, value in changes.items()},
    )
    verified.write(finished.run.root)
    page, card = written(finished, tmp_path / "out")
    Page(page)
    assert "Worst camera" in page
    assert "worst camera" in card
    assert "<img src=x" not in page + card
    assert "escape rate 3 % is high" in page


def test_no_part_is_shown_where_the_run_lacks_it(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run(overrides=["train.mode=full", "operating.novelty=false"])
    page, card = written(finished, tmp_path / "out")
    assert [title for title in (*OPTIONAL, "Novelty", "flagged") if title in page + card] == []
    assert "Calibration: before and after" in page
    assert page.count("<svg") == 7


def test_probe_alone_has_no_epochs_to_draw(make_run: MakeRun, tmp_path: Path) -> None:
    page, card = written(make_run(overrides=["train.mode=probe"]), tmp_path / "out")
    Page(page)
    assert page.count("<svg") == 4
    assert "Phase one" in page
    assert "Phase two" not in page
    assert "only the head was fitted" in card
    assert "In epoch" not in page + card


def test_over_fitting_is_said_on_both_in_words(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run()
    facts = read_file(finished.run, "train", "train.json")
    facts["over_fitting"] = "In epoch 3 the network seems to learn its training images by heart."
    write_file(finished.run, "train", "train.json", facts)
    for text in written(finished, tmp_path / "out"):
        assert "seems to learn its training images by heart" in text


@pytest.mark.slow
def test_epochs_on_smaller_images_are_told(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run()
    assert "progressive resizing" not in written(finished, tmp_path / "alike")[0]
    facts = read_file(finished.run, "train", "train.json")
    for row in facts["history"][:2]:
        row |= {"height": 48, "width": 32}
    write_file(finished.run, "train", "train.json", facts)
    page, _ = written(finished, tmp_path / "mixed")
    assert "the first 2 epochs, trained and measured on 32x48 pixels" in page


def test_class_names_are_text_in_both_files(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run(("good", NASTY, "a|b *c*"), unreadable={f"{NASTY}.jpg": NASTY})
    page, card = written(finished, tmp_path / "out")
    assert "<img src=x" not in page + card
    assert "&lt;img src=x onerror=" in page
    assert "&lt;img src=x onerror=" in card
    assert r"a\|b \*c\*" in card
    Page(page)


def test_no_path_or_person_is_in_either_file(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run(overrides=[f"train.augment={tmp_path}/own.yaml"])
    facts = read_file(finished.run, "train", "train.json")
    facts["weights"]["source"] = f"{tmp_path}/base.pth"
    write_file(finished.run, "train", "train.json", facts)
    page, card = written(finished, tmp_path / "out")
    for secret in (str(tmp_path), str(Path.home() / "x")[:-1], f"/{getpass.getuser()}/"):
        assert secret not in page + card
    assert "own.yaml" in page
    assert "base.pth" in card


def test_page_says_what_was_measured(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run(wrong=0.2, per_class=40)
    page, card = written(finished, tmp_path / "out")
    accuracy = finished.manifest.variants[0].metrics["accuracy"]
    low, high = (f"{accuracy[name] * 100:.1f}" for name in ("low", "high"))
    for text in (page, card):
        assert "openvino/int8" in text
        assert f"With 95 % confidence, between {low} and {high} %." in text
        assert "Example CPU 9000" in text
        assert "0.91 ms" in text
        assert "accuracy drops by 3.20 points" in text
    assert "edgefit predict BUNDLE SOURCE" in page
    assert "cd" * 32 in page
    assert "non-commercial" in card


def full_run(make_run: MakeRun, tmp_path: Path) -> Finished:
    """A run that has everything a run may have."""
    general = tmp_path / "general"
    general.mkdir()
    finished = make_run(
        ("a|b", "dent"),
        per_class=40,
        overrides=[*EVERYTHING, "operating.good=a|b", f"retention.general={general}"],
    )
    add_retention(finished)
    add_comparison(finished)
    add_learning_curve(finished)
    return finished


def test_card_tables_have_as_many_cells_as_columns(make_run: MakeRun, tmp_path: Path) -> None:
    _, card = written(full_run(make_run, tmp_path), tmp_path / "out")
    tables = re.findall(r"(?:^\|.*\|$\n)+", card, flags=re.MULTILINE)
    # data, phases, probe, curve, retention, remedies, metrics, classes, four of decisions, variants
    assert len(tables) == 13
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


@pytest.mark.parametrize("classes", [2, 43])
@pytest.mark.slow
def test_two_and_many_classes(make_run: MakeRun, tmp_path: Path, classes: int) -> None:
    finished = make_run([f"class {i}" for i in range(classes)], per_class=8)
    page, card = written(finished, tmp_path / "out")
    assert f"class {classes - 1}" in page
    assert f"class {classes - 1}" in card
    assert ("ROC-AUC" in page) == (classes == 2)
    assert len(page) < 600_000


def test_run_without_mistakes_is_not_called_perfect(make_run: MakeRun, tmp_path: Path) -> None:
    page, _ = written(make_run(wrong=0.0), tmp_path / "out")
    assert "The next image may still be wrong" in page


def test_nothing_recommended_is_not_called_recommended(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run()
    manifest = finished.manifest.model_copy(update={"recommended": {}})
    variants = [failed("onnxruntime/fp32", "killed")]
    changes = {"variants": variants, "recommendation": recommend(variants)}
    record = BenchmarkRecord.read(finished.run.root).model_copy(update=changes)
    record.write(finished.run.root)
    (tmp_path / "out").mkdir()
    write_report(finished.run, manifest, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "First variant" in page
    assert "Recommended variant" not in page
    assert "not measured" in page


def test_importing_the_room_imports_neither_torch_nor_matplotlib() -> None:
    code = (
        "import sys, json, edgefit.report.write;"
        "heavy = ['torch', 'torchvision', 'matplotlib', 'jinja2', 'albumentations'];"
        "print(json.dumps([m for m in heavy if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.slow
def test_warnings_of_the_operating_point_are_on_page_and_card(
    make_run: MakeRun, tmp_path: Path
) -> None:
    finished = make_run(("good", "dent"), overrides=["operating.good=good"])
    path = CalibrateRecord.path_in(finished.run.root)
    facts = json.loads(path.read_text(encoding="utf-8"))
    del facts["warnings"]  # as runs of earlier releases
    path.write_text(json.dumps(facts), encoding="utf-8")
    page, card = written(finished, tmp_path / "old")
    assert "operating point</span>" not in page
    facts["warnings"] = ["80% of the good parts are rejected."]
    path.write_text(json.dumps(facts), encoding="utf-8")
    page, card = written(finished, tmp_path / "new")
    assert "operating point</span> 80% of the good parts are rejected." in page
    assert "**80% of the good parts are rejected.**" in card
