from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.walking import Reason, skip_reason
from edgefit.runtime.watch import locking
from edgefit.runtime.watch.locking import (
    INBOX_LOCK,
    Lock,
    holder_of,
    is_held,
    refuse_lock_below,
    refuse_locks_around,
    require_locks,
)

RESULTS = Path(os.fsdecode(b"/r\xfc/results.jsonl"))
HOLD = """
import sys, time
from pathlib import Path
from edgefit.runtime.watch.locking import Lock
lock = Lock(Path(sys.argv[1]), "this inbox", Path("/r"))
lock.announce()
print("held", flush=True)
time.sleep(60)
"""


def take(path: Path) -> Lock:
    lock = Lock(path, "this inbox", RESULTS)
    lock.announce()
    return lock


def test_the_second_one_is_told_who_holds_it(tmp_path: Path) -> None:
    first = take(tmp_path / INBOX_LOCK)
    with pytest.raises(InputError) as caught:
        take(tmp_path / INBOX_LOCK)
    assert caught.value.exit_code == 2
    assert f"process {os.getpid()} on {os.uname().nodename} since 20" in str(caught.value.found)
    assert is_held(tmp_path / INBOX_LOCK)
    first.release()
    assert not is_held(tmp_path / INBOX_LOCK)
    second = take(tmp_path / INBOX_LOCK)
    assert second.former is not None and second.former.results == RESULTS
    second.release()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / INBOX_LOCK
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"process {process.pid} on"):
            take(path)
        process.kill()
    take(path).release()


def test_a_lock_file_that_was_removed_is_noticed_and_taken_again(tmp_path: Path) -> None:
    path = tmp_path / INBOX_LOCK
    lock = take(path)
    assert lock.is_in_place()
    path.unlink()
    assert not lock.is_in_place()
    lock.take_again()
    assert lock.is_in_place() and is_held(path)
    lock.release()


def test_locks_around_and_below_an_inbox_count(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    outer = take(tmp_path / INBOX_LOCK)
    with pytest.raises(InputError, match="around this inbox"):
        refuse_locks_around(tmp_path / "a" / "b")
    outer.release()
    refuse_locks_around(tmp_path / "a" / "b")
    inner = take(tmp_path / "a" / INBOX_LOCK)
    with pytest.raises(InputError, match="inside this inbox"):
        refuse_lock_below(tmp_path, f"a/{INBOX_LOCK}")
    inner.release()
    refuse_lock_below(tmp_path, f"a/{INBOX_LOCK}")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"pid": "x"}'])
def test_a_lock_that_says_nothing_is_no_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lock").write_bytes(content)
    assert holder_of(tmp_path / "lock") is None
    assert take(tmp_path / "lock").former is None


def test_the_lock_is_never_taken_for_an_image() -> None:
    assert skip_reason(INBOX_LOCK) is Reason.HIDDEN


def test_a_file_system_without_locks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locking.fcntl, "flock", refuse)
    with pytest.raises(InputError, match="cannot lock"):
        take(tmp_path / "lock")


def test_a_system_without_flock_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_locks()
    monkeypatch.setattr(locking, "fcntl", None)
    with pytest.raises(InputError, match="flock"):
        require_locks()
