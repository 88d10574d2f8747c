"""How sources are opened: one set of options, of which each kind of source uses its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from edgefit.spec import InputSpec, Links


def _silent(_: str) -> None:
    pass


def _never(_: str) -> bool:
    return False


@dataclass(frozen=True)
class CameraOptions:
    """What is asked of a camera; None leaves it to the driver.

    Attributes:
        width: Pixels.
        height: Pixels.
        rate: Frames a second; also how often a snapshot is polled.
        pixel_format: FourCC of the driver, e.g. ``MJPG`` or ``YUYV``.
        exposure: Exposure time in the driver's own unit; switches automatic exposure off.
    """

    width: int | None = None
    height: int | None = None
    rate: float | None = None
    pixel_format: str | None = None
    exposure: float | None = None


class RtspTransport(StrEnum):
    """How the frames of an RTSP stream travel.

    TCP loses none. UDP may pass where TCP does not, but OpenCV does not say which frames lack
    packets: such a frame is answered as if it were whole.
    """

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True)
class SourceOptions:
    """How a source is opened.

    Attributes:
        spec: The input contract, for a scaled JPEG decode; see :func:`.decode_image`.
        links: Which symbolic links in a folder or below a glob are followed.
        follow: Wait for further files in a folder instead of ending.
        settle_s: How long a file of a followed folder must not change to count as complete, where
            the system does not say that it was closed.
        already: Whether a file of a followed folder, by its frame's name, has an answer from an
            earlier run. It is asked once for each file that is there at the start.
        camera: What is asked of a camera.
        open_timeout_s: How long a stream may take to open.
        read_timeout_s: How long a stream may give nothing before it counts as stalled.
        give_up_s: How long a lost stream is tried again.
        tell: Called with one line when a stream is lost and when it is back; never with a password.
        rtsp_transport: How the frames of an RTSP stream travel.
    """

    spec: InputSpec | None = None
    links: Links = Links.INSIDE
    follow: bool = False
    settle_s: float = 1.0
    already: Callable[[str], bool] = _never
    camera: CameraOptions = field(default_factory=CameraOptions)
    open_timeout_s: float = 10.0
    read_timeout_s: float = 5.0
    give_up_s: float = 600.0
    tell: Callable[[str], None] = _silent
    rtsp_transport: RtspTransport = RtspTransport.TCP
