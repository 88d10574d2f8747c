"""All that watches a stream, opened and closed together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from edgefit.runtime.answers import Answer
from edgefit.runtime.monitor.exposition import exposition
from edgefit.runtime.monitor.figures import Figures
from edgefit.runtime.monitor.health import LIMIT_S, HealthFile, Pulse
from edgefit.runtime.monitor.prometheus import MetricsServer, parse_address
from edgefit.runtime.monitor.reloading import INTERVAL_S, Reload, Reloader
from edgefit.runtime.monitor.systemd import Systemd
from edgefit.runtime.monitor.terminal import shown
from edgefit.runtime.monitor.ticking import Ticking
from edgefit.runtime.predictor import Predictor
from edgefit.runtime.stream import Stream
from edgefit.runtime.voice import Voice

_PULSE_S = 2.0


@dataclass(frozen=True)
class Watching:
    """What watches a stream.

    Attributes:
        view: Where the figures are shown; None for nowhere.
        metrics: ``PORT`` or ``HOST:PORT`` of the Prometheus metrics.
        health: The health file.
        limit_s: Seconds without an answer that are still healthy.
        reload: How a new bundle comes into use; None where it does not.
        version: Of edgefit, for the metrics.
    """

    view: Console | None = None
    metrics: str | None = None
    health: Path | None = None
    limit_s: float = LIMIT_S
    reload: Reload | None = None
    version: str = ""


@contextmanager
def monitored(
    running: Stream, predictor: Predictor, watching: Watching, voice: Voice
) -> Iterator[Iterator[Answer]]:
    """Watch a stream while this is open; yields its answers, which must be iterated.

    Args:
        running: The stream, not begun.
        predictor: What it answers with at first.
        watching: What watches it.
        voice: Where sentences for the user go.

    Raises:
        InputError: The metrics cannot be served, or the health file cannot be written.
    """
    figures = Figures(running, good=predictor.operating.good, origin=predictor.origin)
    systemd = Systemd()
    file = None if watching.health is None else HealthFile(watching.health, voice.warn)
    with ExitStack() as opened:
        if watching.metrics is not None:
            text = partial(_metrics, figures, watching.version)
            server = opened.enter_context(MetricsServer(parse_address(watching.metrics), text))
            voice.say(f"metrics: {server.url}")
        if file is not None:
            file.begin(figures.read())
        if file is not None or systemd.listens:
            pulse = Pulse(figures.read, file, systemd, watching.limit_s)
            opened.enter_context(Ticking(pulse, _pause_s(systemd), "health"))
        if watching.reload is not None:
            reloader = Reloader(watching.reload, predictor, voice)
            opened.enter_context(Ticking(reloader, INTERVAL_S, "reload"))
        if watching.view is not None:
            opened.enter_context(shown(figures.read, watching.view))
        systemd.ready(f"answering with {predictor.variant}")
        opened.callback(systemd.stopping)
        yield figures.passing(running)


def _pause_s(systemd: Systemd) -> float:
    return min(_PULSE_S, (systemd.watchdog_s or _PULSE_S) / 4)


def _metrics(figures: Figures, version: str) -> str:
    return exposition(figures.read(), version=version)
