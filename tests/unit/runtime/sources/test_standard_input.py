"""Frames from standard input, whole, cut off and of another format than was stated."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import SourceFrame, SourceOptions, open_source
from edgefit.runtime.sources.input_format import Format
from edgefit.runtime.sources.raw_frames import RawFormat
from edgefit.runtime.sources.standard_input import StandardInput, open_standard_input
from tests.unit.runtime.sources.packed import JPEG, PNG
from tests.unit.runtime.sources.written import flat, write_image


def shots(data: bytes, stated: Format = Format.AUTO) -> list[SourceFrame]:
    return list(StandardInput(io.BytesIO(data), stated))


def counted(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def test_jpegs_one_after_the_other() -> None:
    found = shots(JPEG * 3)
    assert [(shot.index, shot.name, shot.error) for shot in found] == [
        (0, "stdin#0", None),
        (1, "stdin#1", None),
        (2, "stdin#2", None),
    ]
    assert all(shot.frame is not None and shot.frame.shape == (32, 48, 3) for shot in found)
    assert all(shot.arrived_at is not None for shot in found)
    assert [shot.error is None for shot in shots(JPEG * 2 + JPEG[:99], Format.MJPEG)] == [
        *(True, True, False)
    ]


def test_jpegs_after_their_length() -> None:
    damaged = bytearray(JPEG)
    damaged[-60:] = bytes(60)
    stream = counted(JPEG) + counted(damaged) + counted(PNG) + counted(JPEG)[:50]
    for stated in (Format.AUTO, Format.JPEG):
        found = shots(stream, stated)
        assert [shot.error is None for shot in found] == [True, False, True, False]
        assert found[-1].error == f"The stream ends inside a frame: 50 of {4 + len(JPEG)} bytes."
    assert "2 of 4 bytes" in str(shots(counted(JPEG) + b"\0\0")[-1].error)


@pytest.mark.parametrize("length", [b"\0\0\0\0", b"\xff\xff\xff\xff", JPEG[:4]])
def test_a_length_that_no_jpeg_has_is_refused(length: bytes) -> None:
    found = []
    with pytest.raises(InputError, match="length that no JPEG has") as caught:
        for shot in StandardInput(io.BytesIO(counted(JPEG) + length + JPEG), Format.JPEG):
            found.append(shot.error)
    assert found == [None]
    assert "stdin:mjpeg" in str(caught.value.remedy)


def test_raw_frames() -> None:
    frames = [flat(level, 6, 8) for level in (3, 70)]
    data = b"".join(frame.tobytes() for frame in frames) + b"\1" * 10
    found = list(StandardInput(io.BytesIO(data), Format.RAW, RawFormat(8, 6, "rgb24")))
    np.testing.assert_array_equal(found[0].frame, frames[0])
    np.testing.assert_array_equal(found[1].frame, frames[1])
    assert found[2].error == "The stream ends inside a frame: 10 of 144 bytes."
    assert len(found) == 3


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"], ids=repr)
@pytest.mark.parametrize("closed", [True, False])
def test_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes, closed: bool) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["a.png", "sub/two words.png", "absent.png", "sub", "a.mp4", "a.zip", "\udcff.png"]
    for name in (names[0], names[1], names[6]):
        write_image(tmp_path / "x.png", flat(9))
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / "x.png").rename(tmp_path / name)
    data = end.join(os.fsencode(name) for name in names) + (end if closed else b"")
    found = shots(data, Format.NAMES0 if end == b"\0" else Format.NAMES)
    assert [shot.name for shot in found] == names
    assert [shot.path for shot in found] == [Path(name) for name in names]
    assert [shot.error is None for shot in found] == [True, True, *[False] * 4, True]
    assert "not a file" in str(found[3].error)
    assert "not an image" in str(found[4].error)
    if end == b"\n":
        assert [shot.name for shot in shots(data)] == names


def test_a_line_may_be_empty_and_a_name_may_hold_a_line_end(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a\nb.png", flat(9))
    (shot,) = shots(os.fsencode(path) + b"\0\0", Format.NAMES0)
    assert shot.error is None
    assert shots(b"\n\r\n\n", Format.NAMES) == []
    assert shots(b"") == []


@pytest.mark.parametrize(
    ("data", "stated", "remedy"),
    [
        (b"folder/a.png\0folder/b.png\0" * 9, Format.NAMES, "stdin:names0"),
        (b"a" * 70_000, Format.NAMES0, "stdin:names,"),
        (PNG, Format.AUTO, "state the format"),
        (bytes(1000), Format.AUTO, "state the format"),
    ],
)
def test_another_format_than_expected_is_an_error(data: bytes, stated: Format, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        shots(data, stated)
    assert remedy in str(caught.value.remedy)


@pytest.mark.parametrize(
    "text",
    ["stdin:", "stdin:bmp", "stdin:auto", "stdin:raw", "stdin:mjpeg:5x5:gray", "stdin:raw:5"],
)
def test_a_text_that_states_no_format_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match="format"):
        open_source(text)


def test_a_terminal_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(InputError, match="Nothing is written") as caught:
        open_standard_input("-", SourceOptions())
    assert caught.value.found == "a terminal"


@pytest.mark.parametrize("end", ["close", "stop"])
def test_a_pipe_gives_what_is_there_and_ends_at_once(end: str) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as file, os.fdopen(writing, "wb", buffering=0) as writer:
        source = StandardInput(file, Format.MJPEG)
        found: list[SourceFrame] = []
        thread = threading.Thread(target=lambda: found.extend(source))
        thread.start()
        for count in (1, 2):
            writer.write(JPEG[:100])
            time.sleep(0.01)
            writer.write(JPEG[100:])
            _until(lambda count=count: len(found) == count)  # type: ignore[misc]
        writer.write(JPEG[:100])
        writer.close() if end == "close" else source.stop()
        thread.join(5)
        assert not thread.is_alive()
    assert [shot.error is None for shot in found] == [True, True, False][: len(found)]
    assert len(found) == (3 if end == "close" else 2)


def test_a_process_reads_its_standard_input() -> None:
    code = """
from edgefit.runtime.sources import open_source
print([(shot.name, shot.error) for shot in open_source("-")])
"""
    result = subprocess.run([sys.executable, "-c", code], input=JPEG * 2, capture_output=True)
    assert result.stdout.decode().strip() == "[('stdin#0', None), ('stdin#1', None)]", result.stderr


def _until(is_done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_done():
        assert time.monotonic() < end
        time.sleep(0.01)
