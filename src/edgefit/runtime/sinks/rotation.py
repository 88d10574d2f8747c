"""When a results file is full, and how the next one is called. All times are UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgefit.errors import InputError

_FORMATS = {"date": "%Y-%m-%d", "hour": "%H", "time": "%H%M%S"}
_PATTERNS = {"date": r"\d{4}-\d\d-\d\d", "hour": r"\d\d", "time": r"\d{6}"}
_FIELD = re.compile(r"\{(\w+)\}")
_SIZE_UNITS = {
    **{"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9},
    **{"kib": 2**10, "mib": 2**20, "gib": 2**30},
}
_TIME_UNITS = {"m": 60, "min": 60, "h": 3600, "d": 86400}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


@dataclass(frozen=True)
class Rotation:
    """When the next file begins.

    Attributes:
        size: Bytes that a file holds at most, unless a single record is longer; None for any.
        every_s: Seconds; files begin at multiples of it since 1970, so ``86400`` is each midnight
            UTC. None where time does not matter.
    """

    size: int | None = None
    every_s: float | None = None


def parse_rotation(text: str) -> Rotation:
    """The rotation of ``100MB``, ``1h`` or ``1d``, or of a size and a time: ``100MB,1d``.

    Sizes have the units B, kB, MB, GB (powers of 1000), KiB, MiB and GiB (of 1024), times m, h, d.

    Raises:
        InputError: The text says something else.
    """
    size = every_s = None
    for part in text.split(","):
        found = _AMOUNT.fullmatch(part.strip().lower())
        amount = float(found[1]) if found else 0.0
        unit = found[2] if found else ""
        if unit in _SIZE_UNITS and size is None and amount * _SIZE_UNITS[unit] >= 1:
            size = int(amount * _SIZE_UNITS[unit])
        elif unit in _TIME_UNITS and every_s is None and amount > 0:
            every_s = amount * _TIME_UNITS[unit]
        else:
            raise InputError(
                "The rotation is not a size or a time.",
                expected="such as 100MB, 1GiB, 30m, 1h, 1d, or a size and a time: 100MB,1d",
                found=text,
                remedy="give one of these",
            )
    return Rotation(size, every_s)


class FileNames:
    """The names of a series of files: ``results-{date}.jsonl``.

    ``{date}`` is the day (``2026-12-01``), ``{hour}`` the hour (``13``), ``{time}`` the time at
    which the file begins (``134502``), in UTC. A file whose name is taken gets a number:
    ``results-2026-12-01.0002.jsonl``.

    Args:
        template: The path; fields stand in the file's name only.

    Raises:
        InputError: There is no such field, or one stands in a folder's name.
    """

    def __init__(self, template: Path) -> None:
        self._template = template
        if _FIELD.search(str(template.parent)):
            raise _no_field(template, "fields in the file's name, not in that of a folder")
        fields = _FIELD.findall(template.name)
        if any(field not in _FORMATS for field in fields):
            raise _no_field(template, "{date}, {hour} or {time}")
        self._fields = frozenset(fields)

    @property
    def are_several(self) -> bool:
        """Whether the template stands for more than one name."""
        return bool(self._fields)

    def at(self, now_s: float, number: int = 1) -> Path:
        """The name of a file that begins at a time, in seconds since 1970."""
        now = datetime.fromtimestamp(now_s, UTC)
        name = _FIELD.sub(lambda field: now.strftime(_FORMATS[field[1]]), self._template.name)
        path = self._template.with_name(name)
        if number == 1:
            return path
        return path.with_name(f"{path.stem}.{number:04d}{path.suffix}")

    def period(self, now_s: float, rotation: Rotation) -> tuple[str, int]:
        """What grows when a new file is due by its name or by time."""
        wanted = "".join(_FORMATS[name] for name in ("date", "hour") if name in self._fields)
        now = datetime.fromtimestamp(now_s, UTC)
        if wanted == _FORMATS["hour"]:  # the hour of the day alone does not grow
            wanted = _FORMATS["date"] + wanted
        return now.strftime(wanted), int(now_s // rotation.every_s) if rotation.every_s else 0

    def existing(self) -> list[Path]:
        """The files of the series that are there, the oldest first, by their names."""
        folder = self._template.parent
        if not folder.is_dir():
            return []
        pattern = self._pattern()
        found = [
            (match, path) for path in folder.iterdir() if (match := pattern.fullmatch(path.name))
        ]
        return [path for match, path in sorted(found, key=lambda pair: self._place(pair[0]))]

    def number_of(self, path: Path, now_s: float) -> int | None:
        """The number of a file that is named for a time; None for one that is not."""
        found = self._pattern().fullmatch(path.name)
        number = int(found["number"] or 1) if found else 0
        return number if number and self.at(now_s, number).name == path.name else None

    def _pattern(self) -> re.Pattern[str]:
        seen: set[str] = set()

        def shape(field: str) -> str:
            again = field in seen
            seen.add(field)
            return f"(?P={field})" if again else f"(?P<{field}>{_PATTERNS[field]})"

        def shapes(text: str) -> str:
            # the odd parts are the names of fields
            parts = _FIELD.split(text)
            return "".join(shape(p) if n % 2 else re.escape(p) for n, p in enumerate(parts))

        stem, suffix = shapes(self._template.stem), shapes(self._template.suffix)
        return re.compile(rf"{stem}(?:\.(?P<number>\d{{4,}}))?{suffix}")

    def _place(self, match: re.Match[str]) -> tuple[str, str, str, int]:
        facts = match.groupdict()
        date, hour, time = (facts.get(name) or "" for name in _FORMATS)
        return date, hour, time, int(facts["number"] or 1)


def _no_field(template: Path, expected: str) -> InputError:
    return InputError(
        "The name of the output file has a field that is not known here.",
        path=template,
        expected=expected,
        remedy="correct the name, e.g. results-{date}.jsonl",
    )
