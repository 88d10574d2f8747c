"""``edgefit watch`` as a process of its own: signals, kills, a second instance."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.e2e.program import document, edgefit, lines, start_edgefit, stop, wait_until
from tests.tiny_models import ORT_FP32, write_tiny_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("made") / "bundle", [ORT_FP32])


def image(number: int) -> bytes:
    """A small image unlike those of all other numbers."""
    pixels = np.random.default_rng(number).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    encoded, data = cv2.imencode(".png", pixels)
    assert encoded
    return data.tobytes()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


def answered(inbox: Path) -> list[dict[str, Any]]:
    results = inbox.parent / "results.jsonl"
    return lines(results.read_text(encoding="utf-8")) if results.exists() else []


def contents(folder: Path) -> Counter[bytes]:
    return Counter(
        path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and not path.name.startswith(".edgefit-watch.")
        and not path.name.endswith(".reason.txt")
    )


def fill(inbox: Path, count: int) -> Counter[bytes]:
    """Images, some in sub-folders, some with the same name, not in UTF-8, or damaged."""
    for number in range(count):
        name = os.fsdecode(b"\xfc%d.jpg" % number) if number % 5 == 0 else f"{number}.png"
        path = inbox / ("sub" if number % 7 == 0 else "") / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"damaged %d" % number if number % 9 == 0 else image(number))
    writer = cv2.VideoWriter(str(inbox / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 32))
    for level in range(60):
        writer.write(np.full((32, 32, 3), level, np.uint8))
    writer.release()
    done = inbox.parent / "done"
    done.mkdir()
    for number in range(1, count, 10):  # names that are taken
        (done / f"{number}.png").write_bytes(b"older %d" % number)
    return contents(inbox)


def require_all_answered_once(inbox: Path, before: Counter[bytes], count: int) -> None:
    found = Counter(facts["name"] for facts in answered(inbox))
    assert set(found.values()) == {1}
    assert len(found) == count + 60
    assert contents(inbox) == Counter()
    after = contents(inbox.parent / "done") + contents(inbox.parent / "failed")
    older = Counter(b"older %d" % number for number in range(1, count, 10))
    assert after == before + older
    failed = sorted(path.name for path in (inbox.parent / "failed").rglob("*") if path.is_file())
    assert len(failed) == 2 * len(range(0, count, 9))
    hidden = {path.name for path in inbox.parent.rglob(".*")}
    assert hidden == {".edgefit-watch.id", ".edgefit-watch.lock", ".results.jsonl.lock"}


@pytest.mark.slow
def test_killed_at_any_moment_every_image_is_answered_once(bundle: Path, inbox: Path) -> None:
    count, dice = 400, random.Random(3)
    before = fill(inbox, count)
    results = inbox.parent / "results.jsonl"
    kills = 0
    while contents(inbox) and kills < 18:
        size = results.stat().st_size if results.exists() else 0
        options = ("--settle", "0", "--quiet")
        with start_edgefit("watch", bundle, inbox, *options, cwd=inbox.parent) as process:
            wait_until(
                lambda s=size: (
                    not contents(inbox)  # type: ignore[misc]
                    or (results.exists() and results.stat().st_size != s)
                ),
                process,
            )
            time.sleep(dice.random() * 0.1)
            stop(process, signal.SIGKILL)
        kills += 1
    edgefit("watch", bundle, inbox, "--once", "--settle", "0", cwd=inbox.parent)
    assert kills > 3
    require_all_answered_once(inbox, before, count)


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_with_the_counts(
    bundle: Path, inbox: Path, sign: signal.Signals, code: int
) -> None:
    (inbox / "a.png").write_bytes(image(1))
    options = ("--settle", "0", "--json")
    with start_edgefit("watch", bundle, inbox, *options, cwd=inbox.parent) as process:
        wait_until((inbox.parent / "done" / "a.png").exists, process)
        result = stop(process, sign)
    assert result.returncode == code, result.stderr
    facts = document(result)
    assert (facts["answered"], facts["stopped_by"]) == (1, sign.name)
    assert "Traceback" not in result.stderr
    assert len(answered(inbox)) == 1


@pytest.mark.slow
def test_a_second_instance_is_told_who_is_there(bundle: Path, inbox: Path) -> None:
    with start_edgefit("watch", bundle, inbox, "--settle", "0", cwd=inbox.parent) as process:
        (inbox / "a.png").write_bytes(image(1))
        wait_until((inbox.parent / "done" / "a.png").exists, process)
        second = edgefit("watch", bundle, inbox, "--once", "--json", cwd=inbox.parent)
        assert second.returncode == 2
        assert f"process {process.pid} on" in json.loads(second.stdout)["found"]
        stop(process, signal.SIGTERM)
