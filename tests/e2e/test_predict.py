"""``edgefit predict`` on every kind of source, as a process of its own."""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image

from edgefit.data.synthetic import generate_clip
from edgefit.runtime.images.decode import decode_image
from tests.e2e.program import (
    Built,
    Result,
    edgefit,
    lines,
    start_edgefit,
    stop,
    wait_until,
)

KEYS = {
    *("index", "name", "time_s", "label", "confidence", "top", "novelty", "novel", "error"),
    *("bundle", "variant"),
}


@pytest.fixture
def pictures(built: Built, tmp_path: Path) -> Path:
    """Four pictures, the second of which is cut off, and a file that is no picture by its name."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    sources = sorted((built.pictures / "good").iterdir())[:4]
    for number, source in enumerate(sources):
        shutil.copyfile(source, folder / f"{number}.jpg")
    whole = (folder / "1.jpg").read_bytes()
    (folder / "1.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("not a picture, and not named like one\n")
    return folder


def predict(built: Built, source: object, *options: str, cwd: Path) -> Result:
    return edgefit("predict", built.bundle, str(source), *options, cwd=cwd)


def test_a_damaged_picture_is_a_line_in_its_place(built: Built, pictures: Path) -> None:
    result = predict(built, pictures, cwd=pictures.parent)
    assert result.returncode == 0, result.stderr
    found = lines(result.stdout)
    assert [f["name"] for f in found] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert [f["index"] for f in found] == [0, 1, 2, 3]
    assert [f["error"] is not None for f in found] == [False, True, False, False]
    assert found[1]["label"] is None
    assert found[1]["confidence"] is None
    assert found[1]["top"] == []
    assert found[1]["novelty"] is None and found[1]["novel"] is None
    assert all(f.keys() == KEYS for f in found)
    for facts in (found[0], found[2], found[3]):
        assert facts["top"][0] == [facts["label"], facts["confidence"]]
        assert 0 <= facts["novelty"] <= 2 and facts["novel"] in (True, False)
        assert sum(p for _, p in facts["top"]) == pytest.approx(1, abs=1e-5)
    assert "3 frames answered by" in result.stderr
    assert "1 unreadable" in result.stderr


def test_a_glob_takes_what_it_matches(built: Built, pictures: Path) -> None:
    result = predict(built, pictures / "[23].*", "--quiet", cwd=pictures.parent)
    assert result.returncode == 0, result.stderr
    assert [Path(f["name"]).name for f in lines(result.stdout)] == ["2.jpg", "3.jpg"]
    assert result.stderr == ""
    relative = predict(built, "pictures/*.jpg", "--quiet", cwd=pictures.parent)
    assert [f["name"] for f in lines(relative.stdout)] == [f"pictures/{i}.jpg" for i in range(4)]


def test_a_video_frame_by_frame(built: Built, tmp_path: Path) -> None:
    clip = generate_clip(tmp_path / "belt.avi", frames=7, width=128, height=96, fps=10)
    result = predict(built, clip, "--quiet", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = lines(result.stdout)
    assert [f["name"] for f in found] == [f"belt.avi#{i}" for i in range(7)]
    assert [f["time_s"] for f in found] == pytest.approx([i / 10 for i in range(7)])
    assert all(f["error"] is None for f in found)


def test_a_cut_off_video_says_what_is_missing(built: Built, tmp_path: Path) -> None:
    clip = generate_clip(tmp_path / "belt.avi", frames=12, width=128, height=96)
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) // 2])
    result = predict(built, clip, "--quiet", cwd=tmp_path)
    found = lines(result.stdout)
    assert result.returncode == 0, result.stderr
    assert 1 < len(found) < 12
    assert [f["error"] is None for f in found] == [True] * (len(found) - 1) + [False]
    assert "damaged or cut off" in found[-1]["error"]


def test_a_gif_is_a_video(built: Built, tmp_path: Path) -> None:
    sources = sorted((built.pictures / "hole").glob("part_0*"))[:3]
    images = [Image.fromarray(decode_image(source)) for source in sources]
    images[0].save(
        tmp_path / "parts.gif", save_all=True, append_images=images[1:], duration=200, loop=0
    )
    result = predict(built, tmp_path / "parts.gif", "--quiet", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = lines(result.stdout)
    assert [f["name"] for f in found] == [f"parts.gif#{i}" for i in range(3)]
    assert all(f["error"] is None for f in found)


def test_csv_to_a_file(built: Built, pictures: Path) -> None:
    options = ("--out", "answers.csv", "--top-k", "2")
    result = predict(built, pictures, *options, cwd=pictures.parent)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    text = (pictures.parent / "answers.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == [
        *("index", "name", "time_s", "label", "confidence"),
        *("top1", "top1_p", "top2", "top2_p", "novelty", "novel", "error", "notes"),
        *("source", "region", "x", "y", "width", "height"),
        *("arrived_at", "arrived_monotonic_s", "age_s", "dropped", "bundle", "variant"),
    ]
    assert [row["name"] for row in rows] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert rows[0]["label"] == rows[0]["top1"] != rows[0]["top2"]
    assert float(rows[0]["top1_p"]) >= float(rows[0]["top2_p"])
    assert rows[1]["label"] == ""
    assert rows[1]["error"] != ""


def test_top_k_lists_so_many_classes(built: Built, pictures: Path) -> None:
    picture = pictures / "0.jpg"
    for wanted, listed in ((1, 1), (2, 2), (50, 3)):
        result = predict(built, picture, "--top-k", str(wanted), "--quiet", cwd=pictures.parent)
        (facts,) = lines(result.stdout)
        assert len(facts["top"]) == listed
        assert [p for _, p in facts["top"]] == sorted((p for _, p in facts["top"]), reverse=True)


def test_no_readable_picture_at_all_is_a_failure(built: Built, pictures: Path) -> None:
    for name in ("0.jpg", "2.jpg", "3.jpg"):
        (pictures / name).write_bytes(b"")
    result = predict(built, pictures, cwd=pictures.parent)
    assert result.returncode == 1
    found = lines(result.stdout)
    assert len(found) == 4
    assert all(f["error"] is not None for f in found)
    assert "Traceback" not in result.stderr


def test_killed_in_the_middle_it_leaves_whole_lines(
    built: Built, pictures: Path, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(4000):
        os.link(pictures / "0.jpg", many / f"{number:05d}.jpg")
    out = tmp_path / "answers.jsonl"
    with start_edgefit("predict", built.bundle, many, "--out", out, cwd=tmp_path) as process:
        wait_until(lambda: out.is_file() and out.stat().st_size > 2000, process)
        stop(process, signal.SIGKILL)
    found = lines(out.read_text(encoding="utf-8"))
    assert 5 < len(found) < 4000
    assert [f["index"] for f in found] == list(range(len(found)))


def test_a_reader_that_goes_away_is_no_failure(built: Built, pictures: Path) -> None:
    many = pictures.parent / "many"
    many.mkdir()
    for number in range(300):
        os.link(pictures / "0.jpg", many / f"{number:05d}.jpg")
    with start_edgefit("predict", built.bundle, many, cwd=pictures.parent) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(timeout=60) == 0
    assert "Traceback" not in said
    assert "Exception" not in said


def test_what_is_not_read_is_counted_in_text_and_json(built: Built, pictures: Path) -> None:
    (pictures / "@eaDir").mkdir()
    shutil.copyfile(pictures / "0.jpg", pictures / "@eaDir" / "0.jpg")
    shutil.copyfile(pictures / "0.jpg", pictures / os.fsdecode(b"\xfc.jpg"))
    result = predict(built, pictures, "--json", cwd=pictures.parent)
    assert result.returncode == 0, result.stderr
    *frames, last = lines(result.stdout)
    assert [f["name"] for f in frames] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "\\xfc.jpg"]
    summary = last["summary"]
    assert (summary["answered"], summary["unreadable"]) == (4, 1)
    assert {(p["reason"], p["suffix"], p["files"]) for p in summary["passed_over"]} == {
        ("system file", ".jpg", 1),
        ("not an image", ".txt", 1),
    }
    assert "system file: 1 .jpg" in result.stderr
    assert "not an image: 1 .txt" in result.stderr
