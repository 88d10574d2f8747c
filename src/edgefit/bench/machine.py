"""The machine behind a figure: hardware, limits and versions, without any identity.

It reads no host name, user name or path. Two results come from the same machine only if their
``fingerprint_id`` is the same. The current load is reported, but is not part of the fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from pathlib import Path

import psutil

from edgefit.packages import version_of_module
from edgefit.records.benchmark import Machine
from edgefit.runtime.cores import available_cores

# Instruction sets that decide how fast int8 and bf16 run: x86 as named in /proc/cpuinfo, then ARM.
_FLAGS = (
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "avx_vnni", "avx_vnni_int8", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "hypervisor",
    "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip
# the packages that affect a timing, and the module that each one provides
_MODULES = {"numpy": "numpy", "onnxruntime": "onnxruntime", "openvino": "openvino", "opencv": "cv2"}
_NO_LIMIT_BYTES = 1 << 60


def machine_fingerprint(root: Path = Path("/")) -> Machine:
    """Describe this machine; a value that the system does not report is None, never a guess.

    Args:
        root: Folder with ``proc`` and ``sys``, which describe the processor, its clock and the
            limits of a container. Cores, memory and load are always those of this machine.
    """
    cpuinfo = _read(root / "proc/cpuinfo") or ""
    facts = {
        "cpu_model": _cpu_model(root, cpuinfo),
        "architecture": platform.machine(),
        "logical_cores": psutil.cpu_count(),
        "physical_cores": psutil.cpu_count(logical=False),
        "available_cores": available_cores(),
        "cpu_quota": _cpu_quota(root),
        "flags": _flags(cpuinfo),
        "memory_mb": _memory_mb(),
        "memory_limit_mb": _memory_limit_mb(root),
        "governor": _read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "turbo": _turbo(root),
        "os": _os_name(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: version_of_module(module) for name, module in _MODULES.items()},
    }
    text = json.dumps(facts, sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Machine.model_validate(
        facts | {"fingerprint_id": fingerprint, "load_average": load_average()}
    )


def load_average() -> list[float] | None:
    """Average number of runnable processes over 1, 5 and 15 minutes.

    None on Windows: psutil only estimates it there, and starts at zero in each process.
    """
    if sys.platform == "win32":
        return None
    return [round(load, 2) for load in psutil.getloadavg()]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ") or None
    except OSError:
        return None


def _cpu_model(root: Path, cpuinfo: str) -> str | None:
    named = _first(cpuinfo, "model name")
    # ARM kernels do not name a model per core; the board distinguishes a Raspberry Pi from a
    # Jetson.
    board = _read(root / "proc/device-tree/model")
    return named or board or _first(cpuinfo, "Model") or platform.processor() or None


def _first(cpuinfo: str, key: str) -> str | None:
    for line in cpuinfo.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() == key:
            return " ".join(value.split())
    return None


def _flags(cpuinfo: str) -> list[str] | None:
    present = _first(cpuinfo, "flags") or _first(cpuinfo, "Features")
    if present is None:
        return None
    return [flag for flag in _FLAGS if flag in present.split()]


def _cpu_quota(root: Path) -> float | None:
    limit = _cgroup_file(root, "cpu.max")
    if limit is not None:
        quota, _, period = limit.partition(" ")
    else:
        quota = _read(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us") or "max"
        period = _read(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us") or ""
    if quota in ("max", "-1") or not period:
        return None
    return round(int(quota) / int(period), 2)


def _memory_limit_mb(root: Path) -> int | None:
    limit = _cgroup_file(root, "memory.max") or _read(
        root / "sys/fs/cgroup/memory/memory.limit_in_bytes"
    )
    if limit in (None, "max") or int(limit) >= _NO_LIMIT_BYTES:
        return None
    return round(int(limit) / 1e6)


def _cgroup_file(root: Path, name: str) -> str | None:
    """A limit of cgroup v2, from this process's own group or the container's root."""
    own = next(
        (
            line.removeprefix("0::").strip("/")
            for line in (_read(root / "proc/self/cgroup") or "").splitlines()
            if line.startswith("0::")
        ),
        "",
    )
    return _read(root / "sys/fs/cgroup" / own / name) or _read(root / "sys/fs/cgroup" / name)


def _memory_mb() -> int:
    # Kernels on one machine reserve amounts of memory that differ by some MB.
    return round(float(psutil.virtual_memory().total) / 1e8) * 100


def _turbo(root: Path) -> bool | None:
    cpu = root / "sys/devices/system/cpu"
    off = _read(cpu / "intel_pstate/no_turbo")
    if off is not None:
        return off == "0"
    boost = _read(cpu / "cpufreq/boost")
    return None if boost is None else boost == "1"


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.version()}"
