"""A clip of parts on a moving belt."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.data.synthetic import generate_clip
from edgefit.errors import InputError


def read_clip(path: Path) -> tuple[list[np.ndarray], float]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        read, frame = capture.read()
        if not read:
            break
        frames.append(frame)
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return frames, fps


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_clip_has_the_frames_asked_for(tmp_path: Path, suffix: str) -> None:
    out = generate_clip(tmp_path / f"belt{suffix}", frames=8, width=160, height=96, fps=10)
    frames, fps = read_clip(out)
    assert len(frames) == 8
    assert fps == pytest.approx(10)
    assert frames[0].shape == (96, 160, 3)
    assert [p.name for p in tmp_path.iterdir()] == [f"belt{suffix}"]


def test_belt_moves_to_the_right_by_the_speed(tmp_path: Path) -> None:
    out = generate_clip(tmp_path / "belt.avi", frames=2, width=320, height=192, fps=10)
    (first, second), _ = read_clip(out)
    grey = [cv2.cvtColor(f, cv2.COLOR_BGR2GRAY).astype(np.float32) for f in (first, second)]
    (dx, dy), _ = cv2.phaseCorrelate(grey[0], grey[1])
    assert dx == pytest.approx(320 * 0.32 / 10, abs=1)
    assert dy == pytest.approx(0, abs=1)


def test_clip_is_repeatable(tmp_path: Path) -> None:
    sizes = {"frames": 3, "width": 128, "height": 64}
    first = generate_clip(tmp_path / "a.mp4", **sizes).read_bytes()
    assert first == generate_clip(tmp_path / "b.mp4", **sizes).read_bytes()
    assert first != generate_clip(tmp_path / "c.mp4", **sizes, seed=1).read_bytes()


def test_clip_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format"):
        generate_clip(tmp_path / "belt.webm")
    with pytest.raises(InputError) as caught:
        generate_clip(tmp_path / "belt.mp4", width=161, frames=0)
    assert caught.value.key == "frames, width, height"
    (tmp_path / "belt.mp4").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists"):
        generate_clip(tmp_path / "belt.mp4")
    assert (tmp_path / "belt.mp4").read_bytes() == b"mine"
