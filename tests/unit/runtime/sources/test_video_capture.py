"""OpenCV's capture: by any name, without a word, and its packets counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgefit.runtime.sources.video_capture import codec_of, count_packets, open_capture
from tests.unit.runtime.sources.clips import damage_frames, write_clip

BAD_NAME = os.fsdecode(b"\xfcber.avi")


@pytest.mark.parametrize("name", ["http:clip.avi", "clip%02d.avi", BAD_NAME])
def test_any_name_opens(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "a.avi", "MJPG").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    capture = open_capture(Path(name))
    assert capture.isOpened()
    assert codec_of(capture) == "MJPG"
    capture.release()


def test_a_file_is_never_taken_for_a_series_of_images(tmp_path: Path) -> None:
    for index in (1, 2):
        (tmp_path / f"clip_0{index}.mp4").write_text("no video")
    assert not open_capture(tmp_path / "clip_01.mp4").isOpened()


def test_packets_are_counted_with_those_that_no_decoder_reads(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mkv", "MJPG")
    assert count_packets(clip) == 12
    assert count_packets(damage_frames(clip, 3)) == 12
    clip.write_text("no video")
    assert count_packets(clip) is None


PROGRAM = """
import os, sys
from pathlib import Path
from edgefit.runtime.sources import open_source
before = dict(os.environ)
print(sum(shot.frame is not None for shot in open_source(Path(sys.argv[1]))))
assert dict(os.environ) == before
"""


def test_the_terminal_stays_quiet_and_the_environment_as_it_was(tmp_path: Path) -> None:
    clip = damage_frames(write_clip(tmp_path / "a.avi", "MJPG"), 3)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(clip)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "11\n", "")
