"""Memory of the process, where the system says it and where it does not."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from edgefit.bench import memory
from edgefit.bench.memory import peak_resident_mb, resident_mb

STATUS = "Name:\tpython\nVmHWM:\t  200000 kB\nVmRSS:\t  100000 kB\n"


@pytest.fixture
def status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for ``/proc/self/status``; absent until it is written."""
    path = tmp_path / "status"
    monkeypatch.setattr(memory, "_STATUS", path)
    return path


def test_kibibytes_become_megabytes(status: Path) -> None:
    status.write_text(STATUS, encoding="utf-8")
    assert peak_resident_mb() == pytest.approx(204.8)


def test_a_peak_that_the_system_does_not_say_is_none(
    status: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_resident_mb() is None


def test_the_memory_of_now_is_that_of_this_process() -> None:
    assert 10 < resident_mb() < psutil.virtual_memory().total / 1e6


@pytest.mark.parametrize(("platform", "unit"), [("darwin", 1), ("freebsd", 1024)])
def test_without_proc_the_peak_comes_from_getrusage_in_its_own_unit(
    platform: str, unit: int, status: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(ru_maxrss=3_000_000)
    fake = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda _: usage)
    monkeypatch.setitem(sys.modules, "resource", fake)
    monkeypatch.setattr(sys, "platform", platform)
    assert peak_resident_mb() == pytest.approx(3.0 * unit)


def test_the_peak_grows_with_what_is_held_and_does_not_shrink() -> None:
    if peak_resident_mb() is None:
        pytest.skip("this system says nothing of memory")
    before = resident_mb()
    held = np.ones(16_000_000)  # 128 MB
    after = peak_resident_mb()
    assert after is not None and after >= before + 110
    del held
    assert (peak_resident_mb() or 0) >= after - 1
    assert resident_mb() <= after + 1
