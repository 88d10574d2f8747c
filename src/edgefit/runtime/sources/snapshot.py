"""An image over HTTP that is polled: each new one is a frame."""

from __future__ import annotations

import hashlib
import threading
import time
from functools import partial

from edgefit.runtime.images.decode import read_image
from edgefit.runtime.sources.addresses import Address
from edgefit.runtime.sources.connection import Connection, Shot, StreamLost
from edgefit.runtime.sources.http_answer import HttpAnswer, ask
from edgefit.runtime.sources.options import SourceOptions

_POLLS_A_SECOND = 1.0
_MOST_BYTES = 64 * 2**20


class Snapshots:
    """What is known of a polled image; it outlives a connection, so that no image comes twice.

    Args:
        address: Of the image.
        options: ``camera.rate`` says how often to poll, once a second by default.
    """

    def __init__(self, address: Address, options: SourceOptions) -> None:
        self.address, self.options = address, options
        self.pause_s = 1 / (options.camera.rate or _POLLS_A_SECOND)
        self._tags: dict[str, str] = {}
        self._latest = b""

    def asked(self) -> HttpAnswer:
        """Ask for the image, unless it is the one that is known."""
        options = self.options
        return ask(self.address, options.open_timeout_s, options.read_timeout_s, self._tags)

    def new_one(self, answer: HttpAnswer) -> bytes | None:
        """The answer's image; None where it is the former one."""
        data = b"" if answer.status == 304 else answer.read_whole(_MOST_BYTES)
        if not data:
            return None
        fields = (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified"))
        self._tags = {ask: answer.field(tag) for ask, tag in fields if answer.field(tag)}
        digest = hashlib.blake2b(data, digest_size=16).digest()
        known, self._latest = self._latest == digest, digest
        return None if known else data


class SnapshotConnection(Connection):
    """Polls one image. Each poll is a connection of its own, as simple cameras want it.

    Args:
        snapshots: The image.
        answer: The first answer, open.
    """

    def __init__(self, snapshots: Snapshots, answer: HttpAnswer) -> None:
        self._snapshots = snapshots
        self._answer: HttpAnswer | None = answer
        self._closed = threading.Event()
        self._next = time.monotonic()
        self.pause_s = snapshots.pause_s + snapshots.options.open_timeout_s

    def read(self) -> Shot | None:
        """Wait until the next poll is due, and poll."""
        if self._closed.wait(max(0.0, self._next - time.monotonic())):
            raise StreamLost("it was closed")
        # from now, not from when it was due: a slow server is not asked without a pause
        self._next = time.monotonic() + self._snapshots.pause_s
        if self._answer is None:
            self._answer = self._snapshots.asked()
        try:
            data = self._snapshots.new_one(self._answer)
        finally:
            self._answer.close()
            self._answer = None
        if data is None:
            return None
        return Shot(partial(read_image, data, self._snapshots.options.spec))

    def interrupt(self) -> None:
        """End the wait for the next poll, or the poll."""
        self._closed.set()
        answer = self._answer
        if answer is not None:
            answer.interrupt()

    def close(self) -> None:
        """Close what is open."""
        if self._answer is not None:
            self._answer.close()
