"""One file: whole records, one writer, and a loss that is noticed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sinks import JsonlSink
from edgefit.runtime.sinks import output_file as module
from edgefit.runtime.sinks.output_file import OutputFile
from tests.unit.runtime.sinks.answers import columns
from tests.unit.runtime.sinks.runs import KINDS, TextSink, names, run
from tests.unit.runtime.sources.written import mixed_folder

HOLD = """
import sys, time
from pathlib import Path
from edgefit.runtime.sinks.output_file import OutputFile
file = OutputFile(Path(sys.argv[1]))
file.put(b"mine\\n")
print("held", flush=True)
time.sleep(60)
"""


class Refusing:
    """A file that takes some bytes and then fails."""

    def __init__(self, file: Any, takes: int, error: OSError) -> None:
        self._file, self._left, self._error = file, takes, error

    def write(self, data: bytes) -> int:
        if not self._left:
            raise self._error
        taken: int = self._file.write(data[: min(3, self._left)])
        self._left -= taken
        return taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_it_keeps_replaces_or_is_new(tmp_path: Path) -> None:
    path = tmp_path / "out"
    for how, expected in (("new", b"x"), ("keep", b"xx"), ("replace", b"x")):
        file = OutputFile(path, how)  # type: ignore[arg-type]
        file.put(b"x")
        assert file.size == len(expected)
        file.close()
        file.close()
        assert path.read_bytes() == expected
    with pytest.raises(FileExistsError):
        OutputFile(path, "new")


@pytest.mark.parametrize("takes", [0, 1, 6, 7])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE])
def test_a_write_that_fails_leaves_whole_records(tmp_path: Path, takes: int, number: int) -> None:
    path = tmp_path / "out"
    file = OutputFile(path)
    file.put(b"first\n")
    file._file = Refusing(file._file, takes, OSError(number, os.strerror(number)))  # type: ignore[assignment]
    with pytest.raises(InputError, match="cannot be written") as caught:
        file.put(b"second\n" * 2)
    assert (caught.value.path, caught.value.found) == (str(path), os.strerror(number))
    assert caught.value.exit_code == 2
    file.close()
    assert path.read_bytes() == b"first\n"


def test_a_disk_that_refuses_at_the_end_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    file = OutputFile(tmp_path / "out")
    file.put(b"x\n")
    monkeypatch.setattr(module.os, "fsync", refuse)
    with pytest.raises(InputError, match="cannot be written"):
        file.close()
    monkeypatch.undo()
    OutputFile(tmp_path / "out").close()  # it is closed: nobody holds the lock


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    path = tmp_path / "out"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        for how in ("keep", "replace"):
            with pytest.raises(InputError, match="Another process") as caught:
                OutputFile(path, how)  # type: ignore[arg-type]
            if Path("/proc/locks").exists():
                assert str(caught.value.found) in (
                    *(f"process {process.pid}", "a process that does not say its name"),
                )
        assert path.read_bytes() == b"mine\n"
        process.kill()
    OutputFile(path, "replace").close()


def test_a_file_system_without_locks_takes_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(module, "lock_open_file", refuse)
    file = OutputFile(tmp_path / "out")
    file.put(b"x\n")
    file.close()
    monkeypatch.setattr(module, "locks_exist", lambda: False)
    OutputFile(tmp_path / "out").close()
    assert (tmp_path / "out").read_bytes() == b"x\n"


def test_a_removed_file_is_noticed_and_a_renamed_one_goes_on(tmp_path: Path) -> None:
    path, moved = tmp_path / "out", tmp_path / "out.1"
    file = OutputFile(path)
    path.rename(moved)
    file.put(b"x\n")
    assert moved.read_bytes() == b"x\n" and not file.is_in_place()
    moved.unlink()
    with pytest.raises(InputError, match="removed while"):
        file.put(b"y\n")
    file.close()


def test_a_file_that_others_empty_goes_on_at_its_new_end(tmp_path: Path) -> None:
    """What ``copytruncate`` of logrotate does."""
    path = tmp_path / "out"
    file = OutputFile(path)
    file.put(b"first\n")
    os.truncate(path, 0)
    file.put(b"second\n")
    file.close()
    assert path.read_bytes() == b"second\n"


def test_a_pipe_takes_records(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes")
    path, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    file = OutputFile(path, "replace")
    file.put(b"x\n")
    file.put(b"y\n")
    assert not file.is_regular
    file.close()
    reader.join()
    assert read == [b"x\ny\n"]


def test_a_device_that_is_full_is_an_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    file = OutputFile(Path("/dev/full"), "replace")
    with pytest.raises(InputError, match="cannot be written"):
        file.put(b"x\n")
    file.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB; mounting needs a superuser."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a tmpfs cannot be mounted here; that needs a superuser")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_ends_with_whole_records_and_the_run_goes_on_once_there_is_room(
    kind: type[TextSink], small_disk: Path, tmp_path: Path
) -> None:
    images, out = (
        mixed_folder(tmp_path / "images"),
        small_disk / ("out" + kind.__name__[:3].lower()),
    )
    filler, whole, room = small_disk / "filler", tmp_path / out.name, 4096
    filler.write_bytes(b"x" * (65536 - room))
    long = images / ("n" * 200 + ".png")
    for number in range(40):
        long.with_name(f"{number:02d}-{long.name}").write_bytes((images / "b.png").read_bytes())
    run(kind, whole, images)
    assert whole.stat().st_size > room
    with pytest.raises(InputError, match="cannot be written") as caught:
        run(kind, out, images)
    assert (caught.value.path, caught.value.found) == (str(out), os.strerror(errno.ENOSPC))
    assert whole.read_bytes().startswith(out.read_bytes()) and out.read_bytes().endswith(b"\n")
    with pytest.raises(InputError, match="cannot be written"):
        run(kind, out, images, resume=True)
    filler.unlink()
    run(kind, out, images, resume=True)
    assert out.read_bytes() == whole.read_bytes()


def test_a_disk_that_may_not_be_written_to_is_an_error(small_disk: Path) -> None:
    out = small_disk / "out.jsonl"
    out.write_bytes(b"")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(InputError, match="cannot be written") as caught:
        JsonlSink(out, columns())
    assert caught.value.found == os.strerror(errno.EROFS)


def test_a_removed_file_ends_the_run_and_the_next_one_has_all(tmp_path: Path) -> None:
    images, out = mixed_folder(tmp_path / "images"), tmp_path / "out.jsonl"
    sink = JsonlSink(out, columns())
    out.unlink()
    with pytest.raises(InputError, match="removed while"), sink:
        from edgefit.runtime.sources import open_source
        from edgefit.runtime.stream import stream
        from tests.unit.runtime.sinks.runs import Mean

        stream(Mean(), open_source(images), [sink])
    run(JsonlSink, out, images, resume=True)
    assert len(names(out)) == 5
