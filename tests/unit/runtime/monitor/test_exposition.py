"""The metrics, read back by a strict parser of the format."""

from __future__ import annotations

import re

import pytest

from edgefit.runtime.monitor.exposition import exposition
from edgefit.runtime.monitor.figures import Figures
from edgefit.runtime.monitor.measures import BOUNDS_S
from tests.unit.runtime.monitor.running import ORIGIN, Stood, answer, camera
from tests.unit.runtime.sources.given import Given

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"'
_SAMPLE = re.compile(rf"({_NAME})\{{({_LABEL}(?:,{_LABEL})*)\}} (\S+)")
_SUFFIXES = ("_bucket", "_sum", "_count")
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> tuple[dict[str, str], Samples]:
    """Kinds and samples; anything that format 0.0.4 does not allow fails."""
    kinds: dict[str, str] = {}
    samples: Samples = {}
    assert text.endswith("\n")
    lines = text.removesuffix("\n").split("\n")
    for line in lines:
        if line.startswith("# HELP "):
            assert re.fullmatch(rf"# HELP {_NAME} [^\\]+", line), line
        elif line.startswith("# TYPE "):
            found = re.fullmatch(rf"# TYPE ({_NAME}) (counter|gauge|histogram)", line)
            assert found and found[1] not in kinds, line
            kinds[found[1]] = found[2]
        else:
            found = _SAMPLE.fullmatch(line)
            assert found, line
            family = found[1]
            if family not in kinds:
                family = next(family.removesuffix(s) for s in _SUFFIXES if family.endswith(s))
                assert kinds[family] == "histogram"
            assert family == list(kinds)[-1], "the samples of a metric stand together"
            labels = tuple((k, _unescaped(v)) for k, v in re.findall(_LABEL, found[2]))
            assert (found[1], labels) not in samples, line
            samples[found[1], labels] = float(found.groups()[-1])
    return kinds, samples


def _unescaped(text: str) -> str:
    pairs = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}
    return re.sub(r'\\[\\n"]', lambda found: pairs[found[0]], text)


def test_every_metric_is_there_with_its_kind_and_labels() -> None:
    figures = Figures(Stood(camera("left"), camera("right")), origin=ORIGIN)
    for decision in ("good", "good", None):
        figures.take(answer(decision, source="left", took=0.0015))
    kinds, samples = parsed(exposition(figures.read(), version="1.2.3"))
    assert kinds == {
        "edgefit_info": "gauge",
        "edgefit_frames_total": "counter",
        "edgefit_decisions_total": "counter",
        "edgefit_dropped_total": "counter",
        "edgefit_queue_depth": "gauge",
        "edgefit_latency_seconds": "histogram",
        "edgefit_age_seconds": "histogram",
    }
    info = (("bundle", ORIGIN.bundle), ("variant", ORIGIN.variant), ("version", "1.2.3"))
    left, right = ("source", "left"), ("source", "right")
    assert samples["edgefit_info", info] == 1
    assert samples["edgefit_frames_total", (left, ("outcome", "answered"))] == 2
    assert samples["edgefit_frames_total", (left, ("outcome", "error"))] == 1
    assert samples["edgefit_frames_total", (right, ("outcome", "error"))] == 0
    assert samples["edgefit_decisions_total", (("decision", "good"),)] == 2
    assert samples["edgefit_dropped_total", (left,)] == 0
    assert samples["edgefit_queue_depth", (left,)] == 0
    assert samples["edgefit_latency_seconds_bucket", (left, ("le", "0.001"))] == 0
    assert samples["edgefit_latency_seconds_bucket", (left, ("le", "0.002"))] == 3
    assert samples["edgefit_age_seconds_bucket", (left, ("le", "0.002"))] == 0
    assert samples["edgefit_age_seconds_bucket", (left, ("le", "0.005"))] == 3
    assert samples["edgefit_latency_seconds_sum", (left,)] == pytest.approx(0.0045)


def test_a_histogram_never_falls_and_ends_with_its_count() -> None:
    figures = Figures(Stood(Given(name="folder")))
    for took in (0.0001, 0.003, 0.3, 4, 100):
        figures.take(answer("good", took=took))
    _, samples = parsed(exposition(figures.read(), version="1"))
    name, source = "edgefit_latency_seconds", ("source", "folder")
    bounds = [*map(repr, BOUNDS_S), "+Inf"]
    counts = [samples[f"{name}_bucket", (source, ("le", bound))] for bound in bounds]
    assert counts == sorted(counts)
    assert counts[-1] == samples[f"{name}_count", (source,)] == 5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ('a"b', 'a"b'),
        ("a\\nb", "a\\nb"),
        ("a\nb\n", "a\nb\n"),
        ("\\", "\\"),
        ('{x="1"} 2', '{x="1"} 2'),
        ("Türen/left", "Türen/left"),
        ("b_\udcfc", "b_\\xfc"),
    ],
)
def test_a_name_may_hold_anything(name: str, expected: str) -> None:
    figures = Figures(Stood(camera(name)))
    figures.take(answer(name, source=name))
    text = exposition(figures.read(), version="1")
    text.encode()
    _, samples = parsed(text)
    assert samples["edgefit_dropped_total", (("source", expected),)] == 0
    assert samples["edgefit_decisions_total", (("decision", expected),)] == 1
