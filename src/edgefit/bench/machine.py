"""What machine a figure was measured on: hardware, limits and versions; never who or where.

No host name, user name or path is read. Two results may be compared as one machine's only when
their ``fingerprint_id`` is the same; the load of the moment is reported but not part of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from edgefit.runtime.cores import available_cores

# Instruction sets that decide how fast int8 and bf16 run: x86 as named in /proc/cpuinfo, then ARM.
_FLAGS = (
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "avx_vnni", "avx_vnni_int8", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "hypervisor",
    "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2",
)  # fmt: skip
_PACKAGES = {
    "numpy": ("numpy",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
    "openvino": ("openvino",),
    "opencv": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless",
               "opencv-contrib-python"),
}  # fmt: skip
_NO_LIMIT_BYTES = 1 << 60


def machine_fingerprint(root: Path = Path("/")) -> dict[str, Any]:
    """Describe this machine, JSON-ready.

    What the system does not tell is None, never guessed.

    Args:
        root: Where ``proc`` and ``sys`` are found.

    Returns:
        ``cpu_model``, ``architecture``, ``logical_cores`` and ``physical_cores`` (of the machine),
        ``available_cores`` (this process may run on), ``cpu_quota`` (cores' worth of time that a
        container limit allows), ``flags``, ``memory_mb`` (1e6 bytes, to the nearest hundred),
        ``memory_limit_mb`` (of a container), ``governor``, ``turbo``, ``os``, ``kernel``,
        ``python``, ``versions``, ``load_average`` (1, 5 and 15 minutes) and ``fingerprint_id`` (16
        hexadecimal digits over all but the load).
    """
    cpuinfo = _read(root / "proc/cpuinfo") or ""
    facts: dict[str, Any] = {
        "cpu_model": _cpu_model(root, cpuinfo),
        "architecture": platform.machine(),
        "logical_cores": os.cpu_count(),
        "physical_cores": _physical_cores(root),
        "available_cores": available_cores(),
        "cpu_quota": _cpu_quota(root),
        "flags": _flags(cpuinfo),
        "memory_mb": _memory_mb(root),
        "memory_limit_mb": _memory_limit_mb(root),
        "governor": _read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "turbo": _turbo(root),
        "os": _os_name(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: _version(packages) for name, packages in _PACKAGES.items()},
    }
    text = json.dumps(facts, sort_keys=True)
    facts["fingerprint_id"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    facts["load_average"] = load_average()
    return facts


def load_average() -> list[float] | None:
    """Runnable processes on average over 1, 5 and 15 minutes; None where the system has no such."""
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ") or None
    except OSError:
        return None


def _cpu_model(root: Path, cpuinfo: str) -> str | None:
    named = _first(cpuinfo, "model name")
    # ARM kernels name no model per core; the board is what tells a Raspberry Pi from a Jetson.
    board = _read(root / "proc/device-tree/model")
    return named or board or _first(cpuinfo, "Model") or platform.processor() or None


def _first(cpuinfo: str, key: str) -> str | None:
    for line in cpuinfo.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() == key:
            return " ".join(value.split())
    return None


def _flags(cpuinfo: str) -> list[str]:
    present = (_first(cpuinfo, "flags") or _first(cpuinfo, "Features") or "").split()
    return [flag for flag in _FLAGS if flag in present]


def _physical_cores(root: Path) -> int | None:
    cores = {
        (_read(folder / "physical_package_id"), _read(folder / "core_id"))
        for folder in root.glob("sys/devices/system/cpu/cpu[0-9]*/topology")
    }
    return len(cores) or None


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


def _memory_mb(root: Path) -> int | None:
    total = _first(_read(root / "proc/meminfo") or "", "MemTotal")
    # Kernels of one machine differ by some MB in what they keep for themselves.
    return round(int(total.split()[0]) * 1024 / 1e8) * 100 if total else None


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


def _version(packages: tuple[str, ...]) -> str | None:
    for package in packages:
        try:
            return metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return None
