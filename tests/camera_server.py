"""An HTTP camera of our own on the loopback, which misbehaves as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

BOUNDARY = "frame"


def jpeg(value: int, height: int = 24, width: int = 32) -> bytes:
    """A grey JPEG; the frame's mean is ``value``, give or take one."""
    return cv2.imencode(".jpg", np.full((height, width, 3), value, np.uint8))[1].tobytes()


class Request(BaseHTTPRequestHandler):
    """One request, answered by the server's ``behave``."""

    server: CameraServer

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        with suppress(OSError):  # whoever asked has gone, or the camera goes
            self.server.behave(self)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def head(self, kind: str, status: int = 200, **fields: str) -> None:
        """The head of an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def stream(self) -> None:
        """The head of an MJPEG stream."""
        self.head(f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    def part(self, data: bytes, *, length: int | None = None, boundary: str = BOUNDARY) -> None:
        """One part of a stream."""
        fields = (
            f"Content-Type: image/jpeg\r\nContent-Length: {len(data) if length is None else length}"
        )
        self.wfile.write(f"--{boundary}\r\n{fields}\r\n\r\n".encode() + data + b"\r\n")

    def sleep(self, seconds: float) -> None:
        """Wait; the connection is cut where the camera goes meanwhile."""
        if self.server.closing.wait(seconds):
            raise ConnectionAbortedError


Behaviour = Callable[[Request], None]


class CameraServer(ThreadingHTTPServer):
    """The camera."""

    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False

    def __init__(self, behave: Behaviour, port: int = 0) -> None:
        self.behave = behave
        self.requests: list[str] = []
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", port), Request)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address of its stream."""
        return f"http://127.0.0.1:{self.port}/video"


@contextmanager
def camera(behave: Behaviour, port: int = 0) -> Iterator[CameraServer]:
    """A camera that listens while the block runs."""
    server = CameraServer(behave, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
