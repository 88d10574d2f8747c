"""The power fails at every step of a run, and what was not synced is lost in every way.

Afterwards each file has its lines exactly once, each file is in `done` or `failed` exactly once,
and nothing that was there before has changed.
"""

from __future__ import annotations

import errno
import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgefit.runtime.watch import moving, renaming
from tests.unit.runtime.watch.line import Line, clip, png, tree
from tests.unit.runtime.watch.power import Loss, Power, PowerCut

RAW = os.fsdecode(b"b_\xfcber.png")
OLD_LINE = b'{"index": 0, "name": "old.png", "label": 0, "error": null}\n'
LINES = Counter(
    {
        **dict.fromkeys(["a.png", "sub/a.png", "b_\\xfcber.png", "twin.png"], 1),
        **dict.fromkeys(["bad.png", "empty.png"], 1),
        **{f"clip.avi#{i}": 1 for i in range(4)},
    }
)
FAILED = {"bad.png", "empty.png"}


def fill(line: Line) -> None:
    line.put("a.png", png(10))
    line.put("sub/a.png", png(20))
    line.put(RAW, png(30))
    line.put("twin.png", png(40))
    line.put("bad.png", b"no image")
    line.put("empty.png", b"")
    clip(line.places.inbox / "clip.avi", [0, 60, 120, 180])
    (line.places.done / "twin.png").write_bytes(b"an older twin")
    (line.places.failed / "bad.png").write_bytes(b"an older bad one")
    line.places.results.write_bytes(OLD_LINE)


def require_nothing_lost(line: Line, before: dict[str, bytes], *, placeholders: bool) -> None:
    facts = line.facts()
    assert facts[0]["name"] == "old.png"
    assert Counter(f["name"] for f in facts[1:]) == LINES
    assert {f["name"] for f in facts[1:] if f["error"]} == FAILED
    labels = {f["name"]: f["label"] for f in facts[1:]}
    assert [labels[n] for n in ("a.png", "sub/a.png", "b_\\xfcber.png")] == [10, 20, 30]
    assert tree(line.places.inbox) == {}
    assert not line.journal().exists()
    done, failed = tree(line.places.done), tree(line.places.failed)
    assert done.pop("twin.png") == b"an older twin"
    assert failed.pop("bad.png") == b"an older bad one"
    reasons = {name: failed.pop(name) for name in list(failed) if name.endswith(".reason.txt")}
    if placeholders:  # a cut between the reserved name and the rename leaves an empty file
        kept = [max((n for n in failed if n.startswith("empty.")), key=len)]
        done = {name: content for name, content in done.items() if content}
        failed = {n: c for n, c in failed.items() if c or n in kept}
        reasons = {n: c for n, c in reasons.items() if n.removesuffix(".reason.txt") in failed}
    bad = {n: c for n, c in before.items() if n in FAILED}
    assert Counter(done.values()) == Counter(c for n, c in before.items() if n not in FAILED)
    assert Counter(failed.values()) == Counter(bad.values())
    assert {n for n in reasons if n.removesuffix(".reason.txt") in failed} == set(reasons)
    assert len(reasons) == len(bad)


def one_file_system(patch: pytest.MonkeyPatch) -> None:
    """Rename at once."""


def two_file_systems(patch: pytest.MonkeyPatch) -> None:
    """The inbox is on one, the other folders on another."""

    def refuse(source: Path, target: Path) -> None:
        if "inbox" in source.parts and "inbox" not in target.parts:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        renaming.rename_to_free(source, target)

    patch.setattr(moving, "rename_to_free", refuse)


def links_only(patch: pytest.MonkeyPatch) -> None:
    """No renameat2, as on NFS."""
    patch.setattr(renaming, "_renameat2", lambda: None)


def neither(patch: pytest.MonkeyPatch) -> None:
    """Neither renameat2 nor a right to link."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    links_only(patch)
    patch.setattr(os, "link", refuse)


Ways = Callable[[pytest.MonkeyPatch], None]
WAYS: list[Ways] = [one_file_system, two_file_systems, links_only, neither]


@dataclass
class World:
    """A filled line, and its files before the run."""

    line: Line
    before: dict[str, bytes]
    way: Ways

    def run(self, cut_at: int | None, loss: Loss) -> int:
        """Run once, cut off at a step; returns the steps that were made."""
        with pytest.MonkeyPatch.context() as patch:
            self.way(patch)
            power = Power(patch, self.line.places.results)
            power.cut_at = cut_at
            try:
                self.line.watch()
            except PowerCut:
                pass
            else:
                assert not power.is_off
                return power.steps
        power.lose(loss)
        return power.steps


def world(root: Path, way: Ways) -> World:
    line = Line(root)
    fill(line)
    return World(line, tree(line.places.inbox), way)


@pytest.mark.parametrize("way", WAYS)
def test_without_a_cut_the_run_is_complete(tmp_path: Path, way: Ways) -> None:
    whole = world(tmp_path / "line", way)
    steps = whole.run(None, Loss.NOTHING)
    assert steps > 30
    require_nothing_lost(whole.line, whole.before, placeholders=False)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder that needs no disk, where there is one: the tests make some thousand of them."""
    if not Path("/dev/shm").is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "loss"),
    [
        *((way, loss) for way in WAYS[:2] for loss in Loss),
        *((way, loss) for way in WAYS[2:] for loss in (Loss.NOTHING, Loss.NAMES)),
    ],
)
def test_a_cut_at_any_step_loses_nothing_and_repeats_nothing(
    memory: Path, way: Ways, loss: Loss
) -> None:
    steps = world(memory / "whole", way).run(None, loss)
    for step in range(1, steps + 1):
        cut = world(memory / f"{step}", way)
        assert cut.run(step, loss) == step
        cut.run(None, loss)
        require_nothing_lost(cut.line, cut.before, placeholders=way is neither)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_cuts_during_the_recovery_change_nothing(memory: Path, way: Ways) -> None:
    steps = world(memory / "whole", way).run(None, Loss.NOTHING)
    dice = random.Random(7)
    for number in range(60):
        cut = world(memory / f"{number}", way)
        for _ in range(3):
            cut.run(dice.randint(1, steps), dice.choice(list(Loss)))
        cut.run(None, Loss.NOTHING)
        require_nothing_lost(cut.line, cut.before, placeholders=way is neither)
