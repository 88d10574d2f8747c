"""``edgefit watch``: answer the files of an inbox as they arrive, and move them away."""

from __future__ import annotations

import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import JsonValue

from edgefit.cli.output import (
    ConsoleVoice,
    JsonOption,
    QuietOption,
    ThreadsOption,
    TopKOption,
    VariantOption,
    print_json,
    warnings_printed,
)
from edgefit.names import printable

if TYPE_CHECKING:
    from edgefit.runtime.predictor import Predictor
    from edgefit.runtime.stopping import Stop
    from edgefit.runtime.watch.batch import Tally
    from edgefit.runtime.watch.loop import Inventory
    from edgefit.runtime.watch.places import Places


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("watch")(watch)


def watch(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle.")],
    inbox: Annotated[
        Path, typer.Argument(metavar="INBOX", help="The folder that images and videos arrive in.")
    ],
    done: Annotated[
        Path | None, typer.Option(help="Where answered files go; default: done/ beside the inbox.")
    ] = None,
    failed: Annotated[
        Path | None,
        typer.Option(help="Where unreadable files go; default: failed/ beside the inbox."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="JSON lines are added to it; default: results.jsonl beside the inbox."
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Answer what is there, then end.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.01, max=3600, help="Seconds between two looks.")
    ] = 0.5,
    settle: Annotated[
        float,
        typer.Option(min=0, max=3600, help="Seconds a file must not change before it is read."),
    ] = 0.5,
    variant: VariantOption = None,
    top_k: TopKOption = 3,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Answer each file that arrives in a folder, add its lines to a file, then move it away.

    A file moves to `done` when its lines are on the disk, or to `failed` with the reason beside it.
    After a power cut or a kill, the next start goes on where the last one ended. SIGTERM and Ctrl-C
    end it after the current image, or the current frame of a video.
    """
    from edgefit.runtime.monitor.systemd import Systemd
    from edgefit.runtime.predictor import load
    from edgefit.runtime.stopping import Stop
    from edgefit.runtime.watch.answering import Answerer
    from edgefit.runtime.watch.locking import require_locks
    from edgefit.runtime.watch.loop import Pace, Watcher
    from edgefit.runtime.watch.places import choose_places

    require_locks()
    places = choose_places(bundle, inbox, done, failed, out)
    voice = ConsoleVoice(quiet=quiet or as_json)
    with warnings_printed():
        predictor = load(bundle, variant=variant, threads=threads)
    answerer = Answerer(
        places.inbox, predictor, predictor.input, predictor.columns(top=top_k), predictor.origin
    )
    pace = Pace(interval_s=interval, settle_s=settle)
    systemd = Systemd()
    with Stop() as stop, Watcher(places, answerer, pace, stop, voice, systemd.beat) as watcher:
        waiting = _in_inbox(watcher.inventory())
        voice.say(f"watching {printable(str(places.inbox))} with {predictor.variant}: {waiting}")
        systemd.ready(f"watching {places.inbox} with {predictor.variant}")
        watcher.run(once=once)
        systemd.stopping()
        left = watcher.inventory()
        _tell_end(watcher.tally, left, stop, voice)
        if as_json:
            print_json(_summary(watcher.tally, left, places, predictor, stop))
        return _exit_code(watcher.tally, stop, once=once)


def _tell_end(tally: Tally, left: Inventory | None, stop: Stop, voice: ConsoleVoice) -> None:
    ended = f"{stop.asked.name}: " if stop.asked else ""
    done = f"{tally.answered} answered, {tally.failed} failed"
    voice.say(f"{ended}{done}; in the inbox: {_in_inbox(left)}")


def _in_inbox(left: Inventory | None) -> str:
    from edgefit.runtime.walking import counts_of, described

    if left is None:
        return "unknown, it cannot be opened"
    told = described(counts_of(left.passed_over))
    return f"{left.files} to answer" + (f"; passed over: {printable(told)}" if told else "")


def _summary(
    tally: Tally, left: Inventory | None, places: Places, predictor: Predictor, stop: Stop
) -> dict[str, JsonValue]:
    from edgefit.records.watch import WatchSummary
    from edgefit.runtime.walking import counts_of

    counts = counts_of(left.passed_over) if left is not None else ()
    return WatchSummary(
        **asdict(tally),
        left=None if left is None else left.files,
        passed_over=counts,
        stopped_by=stop.asked.name if stop.asked else None,
        inbox=printable(str(places.inbox)),
        done=printable(str(places.done)),
        failed_folder=printable(str(places.failed)),
        results=printable(str(places.results)),
        bundle=predictor.origin.bundle,
        variant=str(predictor.variant),
    ).to_json()


def _exit_code(tally: Tally, stop: Stop, *, once: bool) -> int:
    if stop.asked is signal.SIGINT:
        return 130
    return 1 if once and tally.failed and not tally.answered else 0
