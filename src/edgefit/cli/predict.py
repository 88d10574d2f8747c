"""``edgefit predict``: run a bundle on images, videos, cameras and streams."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue
from rich.markup import escape

from edgefit.cli.output import (
    ConsoleVoice,
    QuietOption,
    TopKOption,
    VariantOption,
    error_console,
    print_json_line,
    reporter,
    warnings_printed,
)
from edgefit.cli.source_options import (
    CameraExposureOption,
    CameraFormatOption,
    CameraRateOption,
    CameraSizeOption,
    FollowOption,
    GiveUpOption,
    LinksOption,
    OpenTimeoutOption,
    PolicyOption,
    ReadTimeoutOption,
    SourcesArgument,
    ThreadsOption,
    TransportOption,
    WorkersOption,
    choice_of,
    seconds_of,
    size_of,
    tell,
)
from edgefit.names import printable
from edgefit.packages import version_of
from edgefit.progress import QUIET
from edgefit.spec import Links
from edgefit.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from edgefit.progress import Reporter
    from edgefit.records.passed_over import PassedOverFiles
    from edgefit.runtime.answers import Answer
    from edgefit.runtime.feeds import Policy
    from edgefit.runtime.sinks import TextSink
    from edgefit.runtime.sinks.answered import Answered
    from edgefit.runtime.sources import FrameSource
    from edgefit.runtime.stream import StreamCounts
    from edgefit.runtime.tasks import Columns


class Format(StrEnum):
    """File format of the predictions."""

    JSONL = "jsonl"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("predict")(predict)


def predict(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle.")],
    sources: SourcesArgument,
    out: Annotated[str, typer.Option("--out", help="File to write; - is standard output.")] = "-",
    output_format: Annotated[
        Format | None,
        typer.Option("--format", help="Default: csv if --out ends in .csv, else jsonl."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep the records in --out; answer frames that have none."),
    ] = False,
    rotate: Annotated[
        str | None,
        typer.Option("--rotate", help="Begin a new file by size or time (UTC): 100MB, 1h, 1d."),
    ] = None,
    variant: VariantOption = None,
    top_k: TopKOption = 3,
    workers: WorkersOption = None,
    threads: ThreadsOption = None,
    policy: PolicyOption = None,
    links: LinksOption = Links.INSIDE,
    follow: FollowOption = False,
    camera_size: CameraSizeOption = None,
    camera_rate: CameraRateOption = None,
    camera_format: CameraFormatOption = None,
    camera_exposure: CameraExposureOption = None,
    rtsp_transport: TransportOption = "tcp",
    open_timeout: OpenTimeoutOption = 10.0,
    read_timeout: ReadTimeoutOption = 5.0,
    give_up: GiveUpOption = "10m",
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", metavar="PORT", help="Serve Prometheus metrics on this machine."),
    ] = None,
    health: Annotated[
        Path | None,
        typer.Option("--health", metavar="FILE", help="A file that is renewed while all is well."),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Use a new bundle as soon as it is in the place.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="JSON lines on standard output; the last one is a summary."),
    ] = False,
    quiet: QuietOption = False,
) -> int:
    """Write one line per frame, in order; the line of an unreadable frame holds the error.

    In folders, archives and globs, hidden files, thumbnails of network storage and files that are
    not images are passed over and counted.
    """
    from edgefit.bundle import read_bundle
    from edgefit.runtime.monitor.monitored import Watching, monitored
    from edgefit.runtime.monitor.reloading import Reload
    from edgefit.runtime.opening import open_sources, opened, pace_for
    from edgefit.runtime.sinks.answered import Answered
    from edgefit.runtime.sinks.target import require_safe_target
    from edgefit.runtime.sources import CameraOptions, RtspTransport, SourceOptions
    from edgefit.runtime.stopping import Stop
    from edgefit.runtime.stream import Stream
    from edgefit.runtime.walking import counts_of

    require_safe_target(out, sources, bundle)
    width, height = size_of(camera_size, "--camera-size")
    read = read_bundle(bundle)
    options = SourceOptions(
        spec=read.input,
        links=links,
        follow=follow,
        already=lambda name: answered is not None and answered.leaves_out(name),
        camera=CameraOptions(width, height, camera_rate, camera_format, camera_exposure),
        open_timeout_s=open_timeout,
        read_timeout_s=read_timeout,
        give_up_s=seconds_of(give_up, "--give-up"),
        tell=tell,
        rtsp_transport=RtspTransport(
            choice_of(rtsp_transport, list(RtspTransport), "--rtsp-transport")
        ),
    )
    frames = open_sources(sources, options)
    pace = pace_for(frames, workers=workers, threads=threads)
    with warnings_printed():
        predictor = opened(read, variant, pace)
    answered = Answered(predictor.origin) if resume else None
    target = _Target(out, _format(output_format, out, as_json=as_json), rotate)
    with target.open(predictor.columns(top=top_k), answered) as sink:
        left = frames if answered is None else _unanswered(frames, answered)
        running = Stream(predictor, left, [sink], policy=_policy(policy), workers=pace.workers)
        again = Reload(bundle, lambda new: opened(new, variant, pace), running.swap)
        watching = Watching(
            view=_view(left, quiet=quiet or as_json),
            metrics=metrics,
            health=health,
            reload=again if reload else None,
            version=version_of("edgefit") or "",
        )
        voice = ConsoleVoice(quiet=quiet or as_json)
        shown = reporter(quiet=quiet or (out == "-" and sys.stdout.isatty()))
        with (
            Stop(then=running.stop, reopen=sink.reopen) as stop,
            monitored(running, predictor, watching, voice) as answers,
        ):
            _run(answers, left, QUIET if watching.view else shown)
    if stop.asked is SIGINT:
        raise KeyboardInterrupt
    counts = running.counts
    passed_over = counts_of(entry for source in frames for entry in source.passed_over)
    if as_json:
        print_json_line({"summary": _summary(str(predictor.variant), counts, passed_over)})
    if not quiet:
        _print_end(str(predictor.variant), counts, passed_over, out)
    return 1 if counts.unreadable and not counts.answered else 0


@dataclass(frozen=True)
class _Target:
    """Where the records go."""

    out: str
    chosen: Format
    rotate: str | None

    def open(self, columns: Columns, answered: Answered | None) -> TextSink:
        from edgefit.runtime.sinks import CsvSink, JsonlSink
        from edgefit.runtime.sinks.rotation import parse_rotation

        kind = CsvSink if self.chosen is Format.CSV else JsonlSink
        rotation = None if self.rotate is None else parse_rotation(self.rotate)
        return kind(self.out, columns, rotation=rotation, answered=answered)


def _format(asked: Format | None, out: str, *, as_json: bool) -> Format:
    if as_json:
        return Format.JSONL
    return asked or (Format.CSV if out.endswith(".csv") else Format.JSONL)


def _unanswered(frames: Sequence[FrameSource], answered: Answered) -> list[FrameSource]:
    """The sources without the frames that an earlier run has answered."""
    from edgefit.runtime.sources import Resumed

    tell(str(answered))
    labels = [source.name if len(frames) > 1 else "" for source in frames]
    return [
        Resumed(source, partial(answered.leaves_out, source=label), answered.frames)
        for source, label in zip(frames, labels, strict=True)
    ]


def _policy(text: str | None) -> Policy | None:
    from edgefit.runtime.feeds import Policy

    return None if text is None else Policy(choice_of(text, list(Policy), "--policy"))


def _view(frames: Sequence[FrameSource], *, quiet: bool) -> Console | None:
    """Where a run without a known end shows its figures; one with an end has a progress bar."""
    endless = any(source.len_hint is None for source in frames)
    return error_console() if endless and not quiet else None


def _run(answers: Iterable[Answer], frames: Sequence[FrameSource], shown: Reporter) -> None:
    hints = [source.len_hint for source in frames]
    total = None if None in hints else sum(hint or 0 for hint in hints)
    for _ in shown.track(answers, "predicting", total=total):
        pass


def _summary(
    variant: str, counts: StreamCounts, passed_over: tuple[PassedOverFiles, ...]
) -> dict[str, JsonValue]:
    from edgefit.records.predict import PredictSummary

    return PredictSummary(
        variant=variant,
        answered=counts.answered,
        unreadable=counts.unreadable,
        noted=counts.noted,
        dropped=counts.dropped,
        passed_over=passed_over,
    ).to_json()


def _print_end(
    variant: str, counts: StreamCounts, passed_over: tuple[PassedOverFiles, ...], out: str
) -> None:
    from edgefit.runtime.walking import described

    console = error_console()
    skipped = described(passed_over)
    console.print(
        f"{counted(counts.answered, 'frame')} answered by {variant}, {counts.unreadable} unreadable"
        + (f", {counts.noted} with notes" if counts.noted else "")
        + (f", {counts.dropped} dropped" if counts.dropped else "")
        + (f"; passed over: {escape(skipped)}" if skipped else ""),
        soft_wrap=True,
    )
    if out != "-":
        console.print(f"written: {escape(printable(out))}", soft_wrap=True)
