"""``edgefit.stream``: from a bundle and the texts of sources to a running stream."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgefit.bundle import Bundle, read_bundle
from edgefit.errors import InputError
from edgefit.runtime.cores import available_cores
from edgefit.runtime.feeds import Policy
from edgefit.runtime.predictor import Predictor, load
from edgefit.runtime.sinks.sink import Sink
from edgefit.runtime.sources import FrameSource, IterableSource, SourceOptions, open_source
from edgefit.runtime.stream import Stream

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*)=(.+)", re.DOTALL)
AnySource = str | Path | FrameSource
Frames = Iterable[NDArray[Any]] | Iterable[tuple[str, NDArray[Any]]]


@dataclass(frozen=True)
class Pace:
    """How many frames are worked on at the same time, and with how many threads each.

    Attributes:
        workers: Frames at the same time.
        threads: Threads for one inference; None leaves the number to the engine.
    """

    workers: int
    threads: int | None


def open_stream(
    bundle: str | Path | Predictor,
    source: AnySource | Sequence[AnySource] | Frames,
    sinks: Sequence[Sink] = (),
    *,
    variant: str | None = None,
    policy: Policy | str | None = None,
    workers: int | None = None,
    threads: int | None = None,
    options: SourceOptions | None = None,
) -> Stream:
    """See :func:`edgefit.stream`."""
    read = bundle if isinstance(bundle, Predictor) else read_bundle(bundle)
    asked = replace(options or SourceOptions(), spec=read.input)
    sources = open_sources(source, asked)
    pace = pace_for(sources, workers=workers, threads=threads)
    predictor = opened(read, variant, pace)
    chosen = None if policy is None else Policy(policy)
    return Stream(predictor, sources, sinks, policy=chosen, workers=pace.workers)


def opened(bundle: Bundle | Predictor, variant: str | None, pace: Pace) -> Predictor:
    """The predictor of a stream; one that is open already stays as it is."""
    if isinstance(bundle, Predictor):
        return bundle
    return load(bundle.root, variant=variant, threads=pace.threads, parallel=pace.workers)


def pace_for(
    sources: Sequence[FrameSource], *, workers: int | None = None, threads: int | None = None
) -> Pace:
    """One worker with one thread for each core; for live sources alone, one worker for each.

    A worker takes a frame through all its steps, so all cores are busy whatever the steps cost.
    A live frame should be answered soon rather than beside others, so its inference gets the
    threads.
    """
    cores = available_cores()
    if workers is None and all(source.live for source in sources):
        workers = min(len(sources), cores)
    elif workers is None:
        workers = max(1, cores // (threads or 1))
    if threads is None and workers > 1:
        threads = max(1, cores // workers)
    return Pace(workers, threads)


def open_sources(
    source: AnySource | Sequence[AnySource] | Frames, options: SourceOptions
) -> list[FrameSource]:
    """Open one or more sources; where there are several, each has a name of its own.

    Raises:
        InputError: A source cannot be opened, or there is none.
    """
    if isinstance(source, str | Path | FrameSource):
        return [_open(source, options)]
    if isinstance(source, Sequence) and all(map(_is_a_source, source)):
        if not source:
            raise InputError(
                "No source is given.",
                expected="an image, a folder, a video, a camera or a stream",
                remedy="name at least one source",
            )
        return _named([_open(one, options) for one in source])
    return [IterableSource(source)]  # type: ignore[arg-type]


def _is_a_source(one: object) -> bool:
    return isinstance(one, str | Path | FrameSource)


def _open(source: AnySource, options: SourceOptions) -> FrameSource:
    if isinstance(source, FrameSource):
        return source
    text = str(source)
    named = _NAMED.fullmatch(text)
    if named is None or Path(text).exists():
        opened_source = open_source(text, options=options)
        opened_source.name = opened_source.name or text
        return opened_source
    opened_source = open_source(named[2], options=options)
    opened_source.name = named[1]
    return opened_source


def _named(sources: list[FrameSource]) -> list[FrameSource]:
    if len(sources) == 1:
        return sources
    times = Counter(source.name for source in sources)
    twice = sorted(name for name, number in times.items() if number > 1)
    if twice:
        raise InputError(
            "Two sources have the same name.",
            found=twice[0] or "no name",
            remedy="give each a name of its own: left=camera:0 right=camera:1",
        )
    return sources
