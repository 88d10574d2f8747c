"""The options of ``predict`` that say where frames come from and at what pace."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from edgefit.cli.output import error_console
from edgefit.errors import InputError
from edgefit.spec import Links

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

SourcesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="An image, folder, quoted glob, zip or tar archive, video, camera:0, rtsp://..., "
        "http://..., or - for standard input. NAME=SOURCE names one of several.",
    ),
]
LinksOption = Annotated[
    Links, typer.Option("--links", help="Which symbolic links in a folder are followed.")
]
FollowOption = Annotated[
    bool, typer.Option("--follow", help="Wait for further files in a folder; Ctrl-C ends it.")
]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy",
        help="`every` frame, or only the `latest`; default: every for files, latest for cameras.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=256, help="Frames worked on at once; default: cores."),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads", min=1, max=1024, help="Threads for one inference; default: cores / workers."
    ),
]
CameraSizeOption = Annotated[
    str | None, typer.Option("--camera-size", metavar="WxH", help="Size to ask a camera for.")
]
CameraRateOption = Annotated[
    float | None,
    typer.Option("--camera-rate", min=0.001, help="Frames a second; also how often to poll."),
]
CameraFormatOption = Annotated[
    str | None, typer.Option("--camera-format", help="Pixel format, e.g. MJPG or YUYV.")
]
CameraExposureOption = Annotated[
    float | None, typer.Option("--camera-exposure", help="In the unit of the driver.")
]
OpenTimeoutOption = Annotated[
    float, typer.Option("--open-timeout", min=0.1, help="Seconds a stream may take to open.")
]
ReadTimeoutOption = Annotated[
    float, typer.Option("--read-timeout", min=0.1, help="Seconds without a frame: it has stalled.")
]
GiveUpOption = Annotated[
    str, typer.Option("--give-up", help="How long a lost stream is tried again, e.g. 30s or 10m.")
]
TransportOption = Annotated[
    str, typer.Option("--rtsp-transport", help="tcp loses nothing; udp where tcp does not pass.")
]


def size_of(text: str | None, option: str) -> tuple[int | None, int | None]:
    """Width and height of a text such as ``1280x720``.

    Raises:
        InputError: It is no size.
    """
    if text is None:
        return None, None
    found = _SIZE.fullmatch(text.strip().lower())
    if found is None:
        raise InputError(
            "A size is not understood.",
            key=option,
            expected="width x height in pixels, e.g. 1280x720",
            found=text,
            remedy=f"give it as {option} 1280x720",
        )
    return int(found[1]), int(found[2])


def seconds_of(text: str, option: str) -> float:
    """Seconds of a text such as ``30s``, ``10m`` or ``2h``; a number alone is seconds.

    Raises:
        InputError: It is no duration.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise InputError(
            "A duration is not understood.",
            key=option,
            expected="a number and s, m, h or d, e.g. 10m",
            found=text,
            remedy=f"give it as {option} 10m",
        )
    return float(found[1]) * _SECONDS[found[2] or "s"]


def choice_of(text: str, known: list[str], option: str) -> str:
    """One of a few words.

    Raises:
        InputError: It is another word.
    """
    if text not in known:
        raise InputError(
            f"{option} is not one of its values.",
            key=option,
            expected=" or ".join(known),
            found=text,
            remedy=f"give it as {option} {known[0]}",
        )
    return text


def tell(line: str) -> None:
    """Print one line about a source on standard error."""
    error_console().print(line, soft_wrap=True, markup=False, emoji=False)
