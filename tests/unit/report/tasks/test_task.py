"""The report asks a task for its part; one that has little to say still gives a page and a card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgefit.report.facts import RunFacts
from edgefit.report.tasks import TASKS
from edgefit.report.tasks.task import Row, Templates
from edgefit.report.write import CARD, PAGE, write_report
from edgefit.spec import CLASSIFICATION
from tests.unit.report.finished_run import MakeRun


class Terse:
    """A task with no templates of its own."""

    templates = Templates()

    def purpose(self, facts: RunFacts) -> str:
        return "Measures how bright a frame is."

    def shared(self, facts: RunFacts) -> Row:
        return {"rates": None}

    def drawings(self, facts: RunFacts) -> Row:
        return {}

    def weaknesses(self, facts: RunFacts) -> Iterator[str]:
        yield "Dark frames were not measured."

    def unlike_the_training(self, facts: RunFacts) -> Iterator[str]:
        yield "Any frame has a brightness."


def test_a_terse_task_gives_a_page_and_a_card(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = make_run()
    monkeypatch.setitem(TASKS, CLASSIFICATION, Terse())
    target = tmp_path / "out"
    target.mkdir()
    write_report(finished.run, finished.manifest, target)
    for name in (PAGE, CARD):
        text = (target / name).read_text(encoding="utf-8")
        assert "Measures how bright a frame is." in text
        assert "Dark frames were not measured." in text
        assert "Any frame has a brightness." in text
        assert "Per class" not in text and "Confusion matrix" not in text
