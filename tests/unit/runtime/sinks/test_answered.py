"""What earlier records answer, and runs that go on behind them."""

from __future__ import annotations

import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.answers import Origin
from edgefit.runtime.sinks import Answered, JsonlSink, TextSink, answered_in
from edgefit.runtime.sinks.written import Written, json_lines
from tests.unit.runtime.sinks.answers import columns
from tests.unit.runtime.sinks.runs import ENDINGS, KINDS, ORIGIN, names, records, regions_of, run
from tests.unit.runtime.sources.packed import PNG, write_tar, write_zip
from tests.unit.runtime.sources.written import flat, mixed_folder, write_image


def source(kind: str, folder: Path) -> Path:
    if kind == "folder":
        return mixed_folder(folder / "images")
    members = [("b.png", PNG), ("a.png", b"no image"), ("a.png", PNG), ("c.png", PNG)]
    if kind == "zip":
        with pytest.warns(UserWarning, match="Duplicate name"):
            return write_zip(folder / "x.zip", members)
    return write_tar(folder / "x.tar", members)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of", ["folder", "zip", "tar"])
def test_a_run_cut_off_anywhere_goes_on_to_the_same_file(
    kind: type[TextSink], of: str, tmp_path: Path
) -> None:
    frames = source(of, tmp_path)
    whole, part = tmp_path / f"whole-{ENDINGS[kind]}", tmp_path / ENDINGS[kind]
    run(kind, whole, frames)
    expected = whole.read_bytes()
    for size in range(0, len(expected) + 1, 7):
        part.write_bytes(expected[:size])
        run(kind, part, frames, resume=True)
        assert part.read_bytes() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_it_tells_how_far_the_earlier_run_came(kind: type[TextSink], tmp_path: Path) -> None:
    out, frames = tmp_path / ENDINGS[kind], mixed_folder(tmp_path / "images")
    run(kind, out, frames, most=4)
    answered = run(kind, out, frames, resume=True)
    assert answered is not None
    assert str(answered) == "going on after 4 records"
    assert (answered.records, answered.unreadable, answered.frames) == (4, 1, 4)
    assert len(names(out)) == 5


def test_a_new_image_is_answered_and_an_absent_one_does_not_matter(tmp_path: Path) -> None:
    images, out = mixed_folder(tmp_path / "images"), tmp_path / "out.jsonl"
    run(JsonlSink, out, images)
    before = names(out)
    (images / "b.png").unlink()
    write_image(images / "a" / "0.png", flat(3))
    run(JsonlSink, out, images, resume=True)
    assert names(out) == [*before, "a/0.png"]


def test_results_that_are_not_there_answer_nothing(tmp_path: Path) -> None:
    answered = answered_in(tmp_path / "none.jsonl", json_lines, ORIGIN)
    assert (answered.records, answered.leaves_out("a.png")) == (0, False)
    run(JsonlSink, tmp_path / "none.jsonl", mixed_folder(tmp_path / "images"), resume=True)
    assert len(names(tmp_path / "none.jsonl")) == 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "origin", [Origin("4567", ORIGIN.variant), Origin("0123", "openvino/fp32")]
)
def test_another_bundle_or_variant_is_refused(
    kind: type[TextSink], origin: Origin, tmp_path: Path
) -> None:
    out = tmp_path / ENDINGS[kind]
    run(kind, out, mixed_folder(tmp_path / "images"), most=2)
    before = out.read_bytes()
    with pytest.raises(InputError, match="another bundle or variant") as caught:
        kind(out, columns(top=1), answered=Answered(origin))
    assert origin.bundle in str(caught.value.expected) and "0123" in str(caught.value.found)
    assert out.read_bytes() == before
    kind(out, columns(top=1), answered=Answered()).close()


def test_each_record_of_a_name_answers_one_frame_of_its_source(tmp_path: Path) -> None:
    answered = Answered()
    found = [Written(n, "a.png", "left", None, None, False, n + 1) for n in range(2)]
    answered.read(tmp_path, lambda _: iter(found))
    assert [answered.leaves_out("a.png", "left") for _ in range(3)] == [True, True, False]
    assert not answered.leaves_out("a.png", "right")
    assert answered.sources == {"left"}


def test_a_name_is_known_as_it_is_written(tmp_path: Path) -> None:
    answered = Answered()
    answered.read(tmp_path, lambda _: iter([Written(0, "b_\\xfc.png", "", None, None, False, 1)]))
    assert answered.leaves_out("b_\udcfc.png")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("there", range(5))
def test_regions_of_the_last_frame_that_lack_records_get_them(
    kind: type[TextSink], there: int, tmp_path: Path
) -> None:
    out = tmp_path / ENDINGS[kind]
    answers = [answer for index in range(2) for answer in regions_of(index, ["left", "right"])]
    with kind(out, columns()) as sink:
        for answer in answers[:there]:
            sink.write(answer)
    answered = Answered(ORIGIN)
    with kind(out, columns(), answered=answered) as sink:
        for index in range(2):
            if not answered.leaves_out(f"{index}.png"):
                for answer in regions_of(index, ["left", "right"]):
                    sink.write(answer)
    found = [
        (r["name"], r["region"]["name"] if kind is JsonlSink else r["region"]) for r in records(out)
    ]
    assert found == [(a.frame.name, a.region.name) for a in answers if a.region]
    assert answered.frames == (there + 1) // 2


def test_a_region_is_left_out_once_wherever_its_frame_is_now(tmp_path: Path) -> None:
    """A followed folder counts from 0 again, and an archive may hold a name twice."""
    out = tmp_path / "out.jsonl"
    with JsonlSink(out, columns()) as sink:
        sink.write(regions_of(5, ["left"])[0])
    answered = Answered(ORIGIN)
    with JsonlSink(out, columns(), answered=answered) as sink:
        assert not answered.leaves_out("5.png")
        for answer in regions_of(5, ["left", "right"]) * 2:
            sink.write(
                dataclasses.replace(answer, frame=dataclasses.replace(answer.frame, index=0))
            )
    found = [(record["index"], record["region"]["name"]) for record in records(out)]
    assert found == [(5, "left"), (0, "right"), (0, "left"), (0, "right")]


def test_a_live_frame_is_written_whatever_its_name(tmp_path: Path) -> None:
    """A camera's first frame has the same name in each run."""
    out = tmp_path / "out.jsonl"
    (answer,) = regions_of(0, ["left"])
    live = dataclasses.replace(answer, frame=dataclasses.replace(answer.frame, arrived_at=1.0))
    for answered in (None, Answered(ORIGIN)):
        with JsonlSink(out, columns(), answered=answered) as sink:
            sink.write(live)
    assert len(records(out)) == 2


@pytest.mark.slow
def test_many_records_take_little_memory(tmp_path: Path) -> None:
    answered = Answered()
    found = (Written(n, f"{n}.png", "", None, None, False, n + 1) for n in range(300_000))
    tracemalloc.start()
    try:
        answered.read(tmp_path, lambda _: found)
        assert answered.leaves_out("299999.png") and not answered.leaves_out("300000.png")
        assert tracemalloc.get_traced_memory()[1] < 300_000 * 30
    finally:
        tracemalloc.stop()
    numbers = np.random.default_rng(0).permutation(299_999)[:1000]
    assert all(answered.leaves_out(f"{number}.png") for number in numbers)
