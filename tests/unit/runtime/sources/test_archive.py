"""Which archives are opened, and that a damaged one gives errors of edgefit and nothing else."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgefit.errors import EdgefitError, InputError
from edgefit.runtime.sources import open_source
from tests.unit.runtime.sources.packed import JPEG, PNG, TARS, ZIPS, answers, write_tar, write_zip

MEMBERS = [("a.jpg", JPEG), ("sub/ü.png", PNG), ("c" * 120 + ".png", PNG), ("d.txt", b"x" * 999)]
NAMES = sorted(name for name, _ in MEMBERS[:3])


def _write_zip(method: int) -> Callable[[Path], Path]:
    return lambda folder: write_zip(folder / "a.zip", MEMBERS, method)


def _write_tar(suffix: str) -> Callable[[Path], Path]:
    return lambda folder: write_tar(folder / f"a{suffix}", MEMBERS)


KINDS = {
    **{f"zip {name}": _write_zip(method) for name, method in ZIPS.items()},
    **{suffix: _write_tar(suffix) for suffix in TARS},
}


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".zip"])
def test_the_content_decides_and_not_the_name(tmp_path: Path, suffix: str) -> None:
    archive = write_zip(tmp_path / "x", MEMBERS)
    if suffix == ".zip":
        for packed in TARS:
            write_tar(tmp_path / f"x{packed}", MEMBERS).rename(tmp_path / "b.tar")
            assert len(answers(tmp_path / "b.tar")) == 3
    else:
        archive.rename(tmp_path / f"b{suffix}")
        assert [name for name, _ in answers(tmp_path / f"b{suffix}")] == NAMES


def test_a_zip_archive_may_begin_with_a_program(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", MEMBERS)
    path.write_bytes(b"#!/bin/sh\nexit\n" + path.read_bytes())
    assert [name for name, _ in answers(path)] == NAMES


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())
def test_mutations_of_an_archive_give_only_errors_of_edgefit(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    path = make(tmp_path)
    whole = path.read_bytes()
    assert {error for _, error in answers(path)} == {None}
    damaged = 0
    for seed in range(50):
        path.write_bytes(mutated(whole, random.Random(seed)))
        began = time.monotonic()
        try:
            found = answers(path)
        except EdgefitError:
            damaged += 1
        else:
            damaged += any(error is not None for _, error in found)
        assert time.monotonic() - began < 5
    assert damaged > 10


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A few other bytes, many of them where headers are; sometimes the end is missing."""
    changed = bytearray(data)
    for _ in range(chance.choice([1, 2, 8, 40])):
        header = chance.choice([0, len(data) - 300, chance.randrange(len(data)) // 512 * 512])
        place = header + chance.randrange(300) if chance.random() < 0.6 else 0
        place = place or chance.randrange(len(data))
        changed[min(place, len(data) - 1)] = chance.choice([0, 0x30, 0x80, 0xFF, place % 256])
    if chance.random() < 0.2:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


def test_an_archive_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "a.zip", MEMBERS)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "no rights")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="cannot be read"):
        open_source(path)
