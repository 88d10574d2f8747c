from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.names import escaped
from edgefit.runtime.watch.journal import Batch, Entry, Journal, Mark, Move

BATCH = Batch(
    inbox="/line/inbox",
    inbox_id="1",
    mark=Mark(inode=7, offset=120, tail_sha256="00"),
    files=(Entry(path=escaped(os.fsdecode(b"b_\xfc\\x.png")), size=3, mtime_ns=5),),
)


def test_a_batch_is_read_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "results.jsonl")
    assert journal.read() is None
    journal.write(BATCH)
    assert journal.read() == BATCH
    move = Move(path="a", size=1, mtime_ns=2, inode=None, target="/done/a", reason="bad")
    moving = BATCH.model_copy(update={"moves": (move,)})
    journal.write(moving)
    assert journal.read() == moving
    assert [path.name for path in tmp_path.iterdir()] == [".results.jsonl.journal"]
    journal.remove()
    journal.remove()
    assert journal.read() is None


@pytest.mark.parametrize("content", [b"", b"{}", b"\0\0", b'{"version": 2}'])
def test_a_journal_of_another_release_is_not_guessed_at(tmp_path: Path, content: bytes) -> None:
    journal = Journal(tmp_path / "results.jsonl")
    journal.path.write_bytes(content)
    with pytest.raises(InputError, match="journal"):
        journal.read()
    assert journal.path.exists()


def test_a_full_disk_is_told_with_the_journals_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError) as caught:
        Journal(tmp_path / "results.jsonl").write(BATCH)
    assert caught.value.found == "No space left on device"
