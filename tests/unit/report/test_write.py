from __future__ import annotations

import getpass
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgefit.report.write import write_report
from tests.unit.report.finished_run import Finished, MakeRun

NASTY = '<img src=x onerror="alert(1)">'
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
    facts = finished.run.read_json("train", "train.json")
    facts["weights"]["source"] = f"{tmp_path}/base.pth"
    finished.run.write_json("train", "train.json", facts)
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
        assert f"With 95 % confidence between {low} and {high} %." in text
        assert "Example CPU 9000" in text
        assert "0.91 ms" in text
        assert "accuracy drops by 3.20 points" in text
    assert "edgefit predict BUNDLE SOURCE" in page
    assert "cd" * 32 in page
    assert "non-commercial" in card


def test_card_tables_have_as_many_cells_as_columns(make_run: MakeRun, tmp_path: Path) -> None:
    _, card = written(make_run(("a|b", "c", "d")), tmp_path / "out")
    tables = re.findall(r"(?:^\|.*\|$\n)+", card, flags=re.MULTILINE)
    assert len(tables) == 4
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1, table


@pytest.mark.parametrize("classes", [2, 43])
def test_two_and_many_classes(make_run: MakeRun, tmp_path: Path, classes: int) -> None:
    finished = make_run([f"class {i}" for i in range(classes)], per_class=8)
    page, card = written(finished, tmp_path / "out")
    assert f"class {classes - 1}" in page
    assert f"class {classes - 1}" in card
    assert ("ROC-AUC" in page) == (classes == 2)
    assert len(page) < 600_000


def test_run_without_mistakes_is_not_called_perfect(make_run: MakeRun, tmp_path: Path) -> None:
    page, _ = written(make_run(wrong=0.0), tmp_path / "out")
    assert "That is no promise" in page


def test_nothing_recommended_is_not_called_recommended(make_run: MakeRun, tmp_path: Path) -> None:
    finished = make_run()
    manifest = finished.manifest.model_copy(update={"recommended": {}})
    measured = finished.run.read_json("benchmark", "benchmark.json")
    for entry in measured["variants"]:
        entry.clear()
        entry |= {"variant": "onnxruntime/fp32", "error": {"message": "killed"}}
    measured["recommendation"] = {"variant": None, "reason": "no variant could be measured"}
    finished.run.write_json("benchmark", "benchmark.json", measured)
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
