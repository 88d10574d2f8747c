"""A run that is killed at any moment goes on exactly: no frame twice, none missing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edgefit.runtime.sinks import JsonlSink
from edgefit.runtime.sources import open_source
from tests.unit.runtime.sinks import forked_runs
from tests.unit.runtime.sinks.runs import ENDINGS, KINDS, TextSink, names, run
from tests.unit.runtime.sources.clips import damage_frames, write_clip
from tests.unit.runtime.sources.packed import PNG, write_zip
from tests.unit.runtime.sources.written import flat, write_image

REPOSITORY = Path(__file__).parents[4]
KILLS = 50


def sources(folder: Path) -> list[Path]:
    """A folder, an archive and a video, each with damage and the archive with a name twice."""
    images = folder / "images"
    for number in range(100):
        write_image(images / f"{number % 7}" / f"{number}.png", flat(number))
    (images / "3" / "empty.png").touch()
    members = [(f"{number}.png", PNG) for number in range(99)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packed = write_zip(folder / "x.zip", [*members, ("5.png", b"no image"), ("5.png", PNG)])
    clip = damage_frames(write_clip(folder / "clip.avi", "MJPG", 100), 40, 3)
    return [images, packed, clip]


@pytest.fixture
def runner() -> Iterator[subprocess.Popen[str]]:
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    command = [sys.executable, "-m", forked_runs.__name__]
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        yield process
        process.kill()


def was_killed(runner: subprocess.Popen[str], asked: list[str], after_s: float) -> bool:
    """Whether a run was killed before it ended by itself."""
    assert runner.stdin is not None and runner.stdout is not None
    runner.stdin.write(json.dumps(asked) + "\n")
    runner.stdin.flush()
    process = int(runner.stdout.readline())
    time.sleep(after_s)
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    status = int(runner.stdout.readline())
    assert status in (0, signal.SIGKILL)
    return status != 0


@pytest.mark.slow
def test_fifty_killed_runs_answer_each_frame_once(
    runner: subprocess.Popen[str], tmp_path: Path
) -> None:
    moments, kills, ended = random.Random(0), 0, 0
    cases = [(kind, source) for source in sources(tmp_path) for kind in KINDS]
    while kills < KILLS or ended < len(cases):
        kind, source = cases[ended % len(cases)]
        out, whole = tmp_path / ENDINGS[kind], tmp_path / f"whole-{ENDINGS[kind]}"
        out.unlink(missing_ok=True)
        run(kind, whole, source)
        expected = whole.read_bytes()
        # moments of a run that takes some 0.25 s; what each kill leaves, the next run goes on with
        while was_killed(runner, [kind.__name__, str(out), str(source)], moments.uniform(0, 0.2)):
            kills += 1
            if out.exists():
                written = out.read_bytes()
                assert expected.startswith(written)
                assert not written or written.endswith(b"\n")
        ended += 1
        assert out.read_bytes() == expected
        assert names(out) == [shot.name for shot in open_source(source)]


def test_a_killed_run_goes_on(runner: subprocess.Popen[str], tmp_path: Path) -> None:
    images, out = tmp_path / "images", tmp_path / "out.jsonl"
    for number in range(100):
        write_image(images / f"{number:03d}.png", flat(number))
    kind: type[TextSink] = JsonlSink
    assert was_killed(runner, [kind.__name__, str(out), str(images)], 0.1)
    run(kind, out, images, resume=True)
    assert names(out) == [f"{number:03d}.png" for number in range(100)]
