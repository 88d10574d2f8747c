"""Streams over HTTP: what the server answers decides whether it is a stream or a snapshot."""

from __future__ import annotations

from edgefit.errors import InputError
from edgefit.runtime.sources.addresses import Address, address_of
from edgefit.runtime.sources.connection import Connection
from edgefit.runtime.sources.http_answer import ask
from edgefit.runtime.sources.mjpeg import MjpegConnection
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.reconnecting import ReconnectingSource
from edgefit.runtime.sources.snapshot import SnapshotConnection, Snapshots

_STREAMS = ("multipart/", "video/x-motion-jpeg", "video/x-mjpeg", "video/mjpeg")


def open_http(text: str, options: SourceOptions) -> ReconnectingSource:
    """An MJPEG stream, or an image that is polled.

    Raises:
        InputError: The address cannot be read.
    """
    address = address_of(text)
    snapshots = Snapshots(address, options)
    return ReconnectingSource(address.shown, lambda: _connect(address, options, snapshots), options)


def _connect(address: Address, options: SourceOptions, snapshots: Snapshots) -> Connection:
    answer = ask(address, options.open_timeout_s, options.read_timeout_s)
    kind = answer.field("Content-Type").strip().lower()
    if kind.startswith(_STREAMS):
        return MjpegConnection(answer, options.spec)
    if kind.startswith("image/"):
        return SnapshotConnection(snapshots, answer)
    answer.close()
    raise InputError(
        "The server answers with neither a stream of images nor an image.",
        path=address.shown,
        expected="Content-Type multipart/x-mixed-replace (MJPEG) or image/jpeg",
        found=kind or "no Content-Type",
        remedy="find the camera's address for MJPEG or for a snapshot in its manual",
    )
