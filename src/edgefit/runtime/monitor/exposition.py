"""Figures as the text that Prometheus reads, format 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgefit.names import printable
from edgefit.runtime.monitor.figures import Snapshot, SourceFigures
from edgefit.runtime.monitor.measures import BOUNDS_S, Buckets

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(now: Snapshot, *, version: str) -> str:
    """The metrics of a stream as text, ``\\n`` after each line.

    Args:
        now: The figures.
        version: Of edgefit.
    """
    lines = [*_info(now, version), *_frames(now), *_decisions(now)]
    lines += _of_sources(now, "dropped_total", "counter", "Frames dropped.", lambda s: s.dropped)
    lines += _of_sources(now, "queue_depth", "gauge", "Frames ready.", lambda s: s.depth)
    what = "Seconds from taking a frame to its answer."
    lines += _histograms(now, "latency_seconds", what, lambda s: s.took_buckets)
    what = "Seconds from the arrival of a frame to its answer."
    lines += _histograms(now, "age_seconds", what, lambda s: s.age_buckets)
    return "".join(f"{line}\n" for line in lines)


def _info(now: Snapshot, version: str) -> Iterator[str]:
    yield from _head("info", "gauge", "What answers; always 1.")
    origin = now.origin
    bundle, variant = (origin.bundle, origin.variant) if origin else ("", "")
    yield _sample("info", 1, bundle=bundle, variant=variant, version=version)


def _frames(now: Snapshot) -> Iterator[str]:
    yield from _head("frames_total", "counter", "Frames with an answer or an error.")
    for source in now.sources:
        yield _sample("frames_total", source.answered, source=source.name, outcome="answered")
        yield _sample("frames_total", source.errors, source=source.name, outcome="error")


def _decisions(now: Snapshot) -> Iterator[str]:
    yield from _head("decisions_total", "counter", "Predictions by decision.")
    for decision, count in sorted(now.decisions.items()):
        yield _sample("decisions_total", count, decision=decision)


def _of_sources(
    now: Snapshot, name: str, kind: str, what: str, value: Callable[[SourceFigures], int]
) -> Iterator[str]:
    yield from _head(name, kind, what)
    for source in now.sources:
        yield _sample(name, value(source), source=source.name)


def _histograms(
    now: Snapshot, name: str, what: str, buckets_of: Callable[[SourceFigures], Buckets]
) -> Iterator[str]:
    yield from _head(name, "histogram", what)
    for source in now.sources:
        buckets = buckets_of(source)
        for bound, count in zip(BOUNDS_S, buckets.cumulative, strict=True):
            yield _sample(f"{name}_bucket", count, source=source.name, le=repr(bound))
        yield _sample(f"{name}_bucket", buckets.count, source=source.name, le="+Inf")
        yield _sample(f"{name}_sum", buckets.total, source=source.name)
        yield _sample(f"{name}_count", buckets.count, source=source.name)


def _head(name: str, kind: str, what: str) -> tuple[str, str]:
    return f"# HELP edgefit_{name} {what}", f"# TYPE edgefit_{name} {kind}"


def _sample(name: str, value: float, **labels: str) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"edgefit_{name}{{{inside}}} {value!r}"


def _escaped(text: str) -> str:
    escaped = printable(text).replace("\\", "\\\\")
    return escaped.replace("\n", "\\n").replace('"', '\\"')
