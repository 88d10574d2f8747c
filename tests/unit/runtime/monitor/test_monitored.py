"""All that watches a run, with a process of its own where signals and bundles come."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import edgefit
from edgefit.errors import InputError
from edgefit.runtime.monitor.monitored import Watching, monitored
from edgefit.runtime.predictor import load
from edgefit.runtime.stream import Stream
from tests.tiny_models import ORT_FP32, write_tiny_bundle
from tests.unit.runtime.monitor.renewed import renewed
from tests.unit.runtime.monitor.test_exposition import parsed
from tests.unit.runtime.sources.given import Given
from tests.unit.runtime.test_stream import grey

ROOT = Path(__file__).parents[4]


class Voice:
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    warn = say


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "bundle", [ORT_FP32])


class Run:
    """A run in a process of its own, told about over systemd's socket."""

    def __init__(self, folder: Path, bundle: Path, interval_s: float) -> None:
        self.out, self.health, self.log = (
            folder / name for name in ("out.jsonl", "health", "log.txt")
        )
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notices.bind(str(folder / "notify"))
        self._notices.settimeout(120)
        program = [sys.executable, "-m", "tests.unit.runtime.monitor.endless"]
        paths = os.pathsep.join([str(Path(edgefit.__file__).parents[1]), str(ROOT)])
        environment = {
            "PYTHONPATH": paths,
            "OMP_NUM_THREADS": "1",
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": "400000",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*program, bundle, self.out, str(interval_s), self.health],
                cwd=ROOT,
                env=os.environ | environment,
                stderr=log,
            )

    def notice(self) -> bytes:
        return self._notices.recv(4096)

    def records(self) -> list[dict[str, Any]]:
        """All whole records; the last may be under way."""
        text = self.out.read_bytes() if self.out.exists() else b""
        return [json.loads(row) for row in text[: text.rfind(b"\n") + 1].splitlines()]

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)

    def end(self, sign: signal.Signals) -> int:
        self.process.send_signal(sign)
        return self.process.wait(60)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._notices.close()


@contextmanager
def started(folder: Path, bundle: Path, interval_s: float = 0.002) -> Iterator[Run]:
    run = Run(folder, bundle, interval_s)
    try:
        assert run.notice().startswith(b"READY=1\nSTATUS=answering with onnxruntime/fp32")
        yield run
    finally:
        run.close()


def in_order(records: list[dict[str, Any]]) -> bool:
    return [facts["index"] for facts in records] == list(range(len(records)))


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_after_the_answers_under_way(
    tmp_path: Path, bundle: Path, sign: signal.Signals, code: int
) -> None:
    with started(tmp_path, bundle) as run:
        run.wait(lambda: len(run.records()) > 50)
        assert run.end(sign) == code, run.log.read_text()
        assert run.out.read_bytes().endswith(b"\n")
        records = run.records()
        assert in_order(records) and all(facts["error"] is None for facts in records)
        notices = [run.notice()]
        while b"STOPPING=1" not in notices:
            notices.append(run.notice())
        assert "Traceback" not in run.log.read_text()


@pytest.mark.slow
def test_the_run_shows_its_health_its_metrics_and_its_watchdog(
    tmp_path: Path, bundle: Path
) -> None:
    with started(tmp_path, bundle) as run:
        run.wait(lambda: b"metrics: http" in run.log.read_bytes() and len(run.records()) > 10)
        found = re.search(r"metrics: (http://127\.0\.0\.1:\d+/metrics)", run.log.read_text())
        assert found is not None
        with urllib.request.urlopen(found[1], timeout=10) as answer:
            _, samples = parsed(answer.read().decode())
        answered = (("source", "endless"), ("outcome", "answered"))
        assert samples["edgefit_frames_total", answered] >= 10
        assert [dict(labels)["version"] for name, labels in samples if name == "edgefit_info"] == [
            "1.2"
        ]
        run.wait(lambda: json.loads(run.health.read_text())["frames"] > 10)
        assert b"WATCHDOG=1" in [run.notice() for _ in range(4)]
        os.kill(run.process.pid, signal.SIGSTOP)
        before = run.health.read_text()
        time.sleep(0.3)
        assert run.health.read_text() == before
        os.kill(run.process.pid, signal.SIGCONT)
        assert run.end(signal.SIGTERM) == 0


@pytest.mark.slow
def test_a_new_bundle_answers_and_no_frame_is_lost(tmp_path: Path, bundle: Path) -> None:
    with started(tmp_path, bundle, 0.005) as run:
        run.wait(lambda: len(run.records()) > 10)
        first = run.records()[0]["bundle"]
        second = renewed(bundle, name="second")
        run.wait(lambda: run.records()[-1]["bundle"] == second)
        count = len(run.records())
        run.wait(lambda: len(run.records()) > count + 20)
        assert run.end(signal.SIGTERM) == 0, run.log.read_text()
        records = run.records()
        assert in_order(records) and all(facts["error"] is None for facts in records)
        origins = [facts["bundle"] for facts in records]
        swapped = origins.index(second)
        assert origins == [first] * swapped + [second] * (len(origins) - swapped)
        assert run.log.read_text().count("the new bundle answers") == 1


@pytest.mark.slow
def test_sighup_opens_the_file_anew_and_no_record_is_lost(tmp_path: Path, bundle: Path) -> None:
    with started(tmp_path, bundle) as run:
        run.wait(lambda: len(run.records()) > 20)
        rotated = tmp_path / "out.jsonl.1"
        run.out.rename(rotated)
        run.process.send_signal(signal.SIGHUP)
        run.wait(lambda: len(run.records()) > 20)
        assert run.end(signal.SIGTERM) == 0
        before = [json.loads(row) for row in rotated.read_text().splitlines()]
        assert in_order(before + run.records())


def test_figures_go_to_a_log_and_the_metrics_end_with_the_run(bundle: Path) -> None:
    predictor, voice = load(bundle, threads=1), Voice()
    running = Stream(predictor, [Given(*map(grey, range(5)))])
    with monitored(running, predictor, Watching(metrics="0"), voice) as answers:
        assert len(list(answers)) == 5
        (said,) = voice.said
        url = said.removeprefix("metrics: ")
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert b'outcome="answered"} 5' in answer.read()
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=10)


def test_what_cannot_be_opened_ends_the_run_before_its_first_frame(
    bundle: Path, tmp_path: Path
) -> None:
    predictor = load(bundle, threads=1)
    for watching in (
        Watching(metrics="what"),
        Watching(health=tmp_path / "none" / "health"),
        Watching(health=bundle / "manifest.json"),
    ):
        running = Stream(predictor, [Given(grey(0))])
        with (
            pytest.raises(InputError),
            monitored(running, predictor, watching, Voice()) as answers,
        ):
            list(answers)
        assert running.counts.answered == 0


def test_an_error_of_the_run_closes_what_watches_it(bundle: Path) -> None:
    import threading

    predictor, before = load(bundle, threads=1), threading.active_count()
    running = Stream(predictor, [Given(grey(0))])
    watching = Watching(view=Console(quiet=True), metrics="0")
    with (
        pytest.raises(KeyboardInterrupt),
        monitored(running, predictor, watching, Voice()) as answers,
    ):
        next(answers)
        raise KeyboardInterrupt
    running.close()
    assert threading.active_count() == before
