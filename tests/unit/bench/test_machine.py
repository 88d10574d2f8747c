"""The fingerprint, on this machine and on invented ones."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgefit.bench import machine as fingerprint
from edgefit.bench.machine import machine_fingerprint

_X86 = """processor : 0
model name\t: Some(R) CPU   @ 3.00GHz
flags\t\t: fpu avx2 fma avx512_vnni hypervisor made_up
processor : 1
model name\t: Some(R) CPU   @ 3.00GHz
"""
_ARM = """processor\t: 0
Features\t: fp asimd evtstrm asimdhp asimddp
Model\t\t: Invented Board 5
"""


def _machine(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_machine_is_json_and_stable() -> None:
    first, second = machine_fingerprint(), machine_fingerprint()
    json.dumps(first.to_json(), allow_nan=False)
    assert first.fingerprint_id == second.fingerprint_id
    assert first.available_cores >= 1
    assert first.versions["numpy"] is not None


def test_nobody_and_nowhere_is_named() -> None:
    text = json.dumps(machine_fingerprint().to_json())
    assert str(Path.home()) not in text or str(Path.home()) == "/"
    assert f'"{platform.node()}"' not in text
    assert f'"{getpass.getuser()}"' not in text


def test_x86_machine(tmp_path: Path) -> None:
    cpu = "sys/devices/system/cpu"
    root = _machine(
        tmp_path,
        {
            "proc/cpuinfo": _X86,
            f"{cpu}/cpu0/cpufreq/scaling_governor": "powersave\n",
            f"{cpu}/intel_pstate/no_turbo": "1\n",
        },
    )
    facts = machine_fingerprint(root)
    assert facts.cpu_model == "Some(R) CPU @ 3.00GHz"
    assert facts.flags == ["avx2", "fma", "avx512_vnni", "hypervisor"]
    assert facts.governor == "powersave"
    assert facts.turbo is False


def test_arm_board(tmp_path: Path) -> None:
    facts = machine_fingerprint(_machine(tmp_path, {"proc/cpuinfo": _ARM}))
    assert facts.cpu_model == "Invented Board 5"
    assert facts.flags == ["asimd", "asimdhp", "asimddp"]
    tree = _machine(tmp_path, {"proc/device-tree/model": "Invented Board 5 Rev 1\0"})
    assert machine_fingerprint(tree).cpu_model == "Invented Board 5 Rev 1"


def test_what_is_not_told_is_none(tmp_path: Path) -> None:
    facts = machine_fingerprint(tmp_path)
    assert facts.cpu_quota is facts.memory_limit_mb is facts.governor is facts.turbo is None
    assert facts.flags is None


def test_a_processor_without_these_instructions_has_none_of_them(tmp_path: Path) -> None:
    root = _machine(tmp_path, {"proc/cpuinfo": "processor : 0\nflags : fpu made_up\n"})
    assert machine_fingerprint(root).flags == []


@pytest.mark.parametrize(
    ("files", "quota", "memory_mb"),
    [
        ({"sys/fs/cgroup/cpu.max": "150000 100000", "sys/fs/cgroup/memory.max": "1073000000"},
         1.5, 1073),
        ({"sys/fs/cgroup/cpu.max": "max 100000", "sys/fs/cgroup/memory.max": "max"}, None, None),
        ({"proc/self/cgroup": "0::/box/inner", "sys/fs/cgroup/box/inner/cpu.max": "50000 100000"},
         0.5, None),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
          "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, 2.0, None),
        ({"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
          "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}, None, None),
    ],
)  # fmt: skip
def test_container_limits(
    tmp_path: Path, files: dict[str, str], quota: float | None, memory_mb: int | None
) -> None:
    facts = machine_fingerprint(_machine(tmp_path, files))
    assert facts.cpu_quota == quota
    assert facts.memory_limit_mb == memory_mb


def test_cores_and_memory_are_those_that_the_system_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = {True: 8, False: 4}
    monkeypatch.setattr(fingerprint.psutil, "cpu_count", lambda logical=True: counts[logical])
    total = SimpleNamespace(total=16384000 * 1024)
    monkeypatch.setattr(fingerprint.psutil, "virtual_memory", lambda: total)
    facts = machine_fingerprint()
    assert (facts.logical_cores, facts.physical_cores, facts.memory_mb) == (8, 4, 16800)


def test_load_is_reported_but_not_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    first = machine_fingerprint()
    monkeypatch.setattr(fingerprint, "load_average", lambda: [99.0, 99.0, 99.0])
    second = machine_fingerprint()
    assert second.load_average == [99.0, 99.0, 99.0]
    assert second.fingerprint_id == first.fingerprint_id


def test_the_load_is_unknown_where_it_is_only_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = fingerprint.load_average()
    assert measured is not None and len(measured) == 3
    monkeypatch.setattr(fingerprint.sys, "platform", "win32")
    assert fingerprint.load_average() is None


def test_another_version_is_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    first = machine_fingerprint().fingerprint_id
    monkeypatch.setattr(fingerprint, "version_of_module", lambda module: "0.0.1")
    assert machine_fingerprint().fingerprint_id != first
