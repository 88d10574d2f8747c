"""Which kind of source a text means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgefit.errors import InputError
from edgefit.runtime.sources import KINDS, SourceOptions, VideoSource, kinds, open_source
from edgefit.runtime.sources.follow import FollowSource
from edgefit.runtime.sources.kinds import kind_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-", "standard input"),
        ("stdin:raw:5x5:gray", "standard input"),
        ("in", "folder"),
        ("in/", "folder"),
        ("a.mp4", "video file"),
        ("a.GIF", "video file"),
        ("a.JPG", "image"),
        ("a.zip", "archive"),
        ("a.TGZ", "archive"),
        ("a.b.tar.gz", "archive"),
        ("b.tar.zst", "archive"),
        ("in/*.jpg", "quoted glob"),
        ("folder.zip", "folder"),
        ("./-", "image or nothing"),
    ],
)
def test_the_kind_of_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "folder.zip").mkdir()
    for name in ("a.mp4", "a.GIF", "a.JPG", "a.zip", "a.TGZ", "a.b.tar.gz", "b.tar.zst", "-"):
        (tmp_path / name).touch()
    if kind == "image or nothing":
        with pytest.raises(InputError, match="extension"):
            kind_of(text)
    else:
        assert kind_of(text).name == kind


def test_a_text_that_means_nothing_lists_the_kinds(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        kind_of(str(tmp_path / "absent"))
    assert all(kind.example in str(caught.value.expected) for kind in KINDS)
    (tmp_path / "a.gz").touch()
    with pytest.raises(InputError) as caught:
        kind_of(str(tmp_path / "a.gz"))
    assert set(kinds.ARCHIVE_SUFFIXES) <= set(str(caught.value.expected).split())


def test_a_folder_is_followed_on_demand(tmp_path: Path) -> None:
    source = open_source(tmp_path, options=SourceOptions(follow=True))
    assert isinstance(source, FollowSource)
    assert not source.live


def test_an_animated_gif_gives_its_frames_with_their_times(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((32, 48, 3), 50 * n, np.uint8)) for n in range(4)]
    delays_ms = [100, 50, 300, 20]
    path = tmp_path / "a.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays_ms)
    source = open_source(path)
    assert isinstance(source, VideoSource)
    shots = list(source)
    assert [shot.name for shot in shots] == [f"a.gif#{n}" for n in range(4)]
    assert [shot.time_s for shot in shots] == pytest.approx([0, 0.1, 0.15, 0.45], abs=1e-6)
    assert [int(shot.frame.mean()) for shot in shots if shot.frame is not None] == [0, 50, 100, 150]
