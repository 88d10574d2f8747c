"""Whether a run is healthy: answers come, or there is rightly nothing to answer.

A file whose time goes on while the run is healthy serves any watchdog. systemd's own is told less
strictly: it would start a program again, which brings back no camera.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path

from edgefit.atomic import written_whole
from edgefit.errors import InputError
from edgefit.runtime.monitor.figures import Snapshot
from edgefit.runtime.monitor.systemd import Systemd
from edgefit.wording import counted

LIMIT_S = 30.0
"""A camera without frames, or a frame without its answer, for longer is not healthy."""
_KEY = "last_frame_age_s"
_MOST_BYTES = 4096


class Health(Enum):
    """How a run is.

    ``WELL``: answers come, or there is nothing to answer. ``SILENT``: a live source gives no
    frames. ``STUCK``: frames are there and no answers come.
    """

    WELL = auto()
    SILENT = auto()
    STUCK = auto()


def health_of(now: Snapshot, limit_s: float = LIMIT_S) -> Health:
    """Judge a run.

    Args:
        now: Its figures.
        limit_s: Seconds without an answer that are still healthy.
    """
    open_sources = [source for source in now.sources if source.state == "running"]
    late = [source for source in open_sources if source.since_s > limit_s]
    has_work = any(source.depth or not (source.live or source.waits) for source in late)
    if has_work or (now.under_way > 0 and now.since_s > limit_s):
        return Health.STUCK
    silent = any(source.live for source in late)
    lost = any(source.state == "lost" for source in now.sources)
    return Health.SILENT if silent or lost else Health.WELL


class HealthFile:
    """One JSON line with ``time``, ``frames`` and ``last_frame_age_s``, replaced at each touch.

    Args:
        path: The file. An existing one must be empty or a health file.
        warn: Told once where the file cannot be written any more.

    Raises:
        InputError: Something else has this name.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path, self._warn, self._fails = path, warn, False
        if not _may_be_replaced(path):
            raise InputError(
                "The health file has the name of something else, which is left alone.",
                path=path,
                expected="a new file, or the health file of an earlier run",
                remedy="give a file name of its own, e.g. /run/edgefit/health.json",
            )

    def begin(self, now: Snapshot) -> None:
        """Write it for the first time.

        Raises:
            InputError: It cannot be written.
        """
        try:
            self._write(now)
        except OSError as error:
            raise InputError(
                "The health file cannot be written.",
                path=self._path,
                found=error.strerror,
                remedy="give a file in a folder that exists and can be written to",
            ) from error

    def touch(self, now: Snapshot) -> None:
        """Write it; the run goes on where that fails."""
        try:
            self._write(now)
        except OSError as error:
            if not self._fails:
                self._warn(f"the health file {self._path} cannot be written: {error.strerror}")
            self._fails = True
        else:
            self._fails = False

    def _write(self, now: Snapshot) -> None:
        facts = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "frames": now.frames,
            _KEY: round(now.since_s, 3) if now.has_frames else None,
        }
        with written_whole(self._path) as path:
            path.write_text(json.dumps(facts) + "\n", encoding="utf-8")


class Pulse:
    """Judges a run at each call, touches the health file, and tells systemd.

    Args:
        read: Gives the figures.
        file: The health file, if any.
        systemd: Where a service reports to.
        limit_s: See :func:`health_of`.
    """

    def __init__(
        self,
        read: Callable[[], Snapshot],
        file: HealthFile | None,
        systemd: Systemd,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._read, self._file, self._systemd, self._limit_s = read, file, systemd, limit_s
        self._told_at = -float("inf")

    def __call__(self) -> None:
        """Look once."""
        now = self._read()
        health = health_of(now, self._limit_s)
        if health is Health.WELL and self._file is not None:
            self._file.touch(now)
        if health is not Health.STUCK:
            self._systemd.beat()
        if self._systemd.listens and time.monotonic() - self._told_at > self._limit_s / 2:
            self._told_at = time.monotonic()
            self._systemd.status(_in_words(now, health))


def _in_words(now: Snapshot, health: Health) -> str:
    speed = sum(source.per_second for source in now.sources)
    words = f"{counted(now.frames, 'frame')}, {speed:.1f} per second"
    if health is Health.STUCK:
        return f"{words}; no answer for {now.since_s:.0f} s"
    silent = [
        source.name
        for source in now.sources
        if source.state == "lost" or (source.live and source.since_s > LIMIT_S)
    ]
    return words + (f"; no frames from {', '.join(silent)}" if health is Health.SILENT else "")


def _may_be_replaced(path: Path) -> bool:
    if not path.exists():
        return not path.is_symlink()
    if not path.is_file() or path.is_symlink() or path.stat().st_size > _MOST_BYTES:
        return False
    text = path.read_bytes()
    try:
        facts = json.loads(text) if text else {_KEY: None}
    except ValueError:
        return False
    return isinstance(facts, dict) and _KEY in facts
