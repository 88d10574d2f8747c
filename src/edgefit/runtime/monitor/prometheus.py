"""Metrics over HTTP for Prometheus, on this machine only unless a host is named."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import ClassVar, Self

from edgefit.errors import InputError
from edgefit.runtime.monitor.exposition import CONTENT_TYPE

LOCALHOST = "127.0.0.1"
_ADDRESS = re.compile(r"(?:(?P<host>[^:\[\]\s]+|\[[0-9A-Fa-f:.]+\]):)?(?P<port>\d{1,5})", re.ASCII)
_TIMEOUT_S = 5.0
_MOST_CLIENTS = 8


def parse_address(text: str) -> tuple[str, int]:
    """Host and port from ``PORT`` or ``HOST:PORT``; the host is 127.0.0.1 unless it is named.

    >>> parse_address("9100"), parse_address("[::]:9100")
    (('127.0.0.1', 9100), ('::', 9100))

    Raises:
        InputError: It is neither.
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or int(found["port"]) > 65535:
        raise InputError(
            "The address of the metrics is not valid.",
            key="--metrics",
            expected="PORT or HOST:PORT, e.g. 9100 or 0.0.0.0:9100",
            found=text,
            remedy="give a free port from 1024 to 65535",
        )
    return (found["host"] or LOCALHOST).strip("[]"), int(found["port"])


class MetricsServer:
    """Serves ``/metrics`` while it is open. No client can hold up the run: each has its own thread.

    Args:
        address: Host and port; port 0 takes a free one.
        text: Gives the metrics.

    Raises:
        InputError: The port is in use, or may not be opened.
    """

    def __init__(self, address: tuple[str, int], text: Callable[[], str]) -> None:
        self._server = _open(address, text)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True
        )

    @property
    def url(self) -> str:
        """Where the metrics are."""
        host, port = self._server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}/metrics"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_TIMEOUT_S)


def _open(address: tuple[str, int], text: Callable[[], str]) -> _Server:
    host, port = address
    try:
        return _Server(address, text)
    except OSError as error:
        raise InputError(
            "The metrics cannot be served.",
            key="--metrics",
            path=f"{host}:{port}",
            found=error.strerror or str(error),
            remedy="choose another port; another run may use this one",
        ) from error


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], text: Callable[[], str]) -> None:
        self.text = text
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._free = threading.BoundedSemaphore(_MOST_CLIENTS)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer also asks the network for the host's name, which may take long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: object, client_address: object) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)  # type: ignore[arg-type]
        else:  # the others end at their timeouts
            self.shutdown_request(request)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        # A client that sends a byte now and then never meets the timeout of a single read.
        assert isinstance(request, socket.socket)
        limit = threading.Timer(_TIMEOUT_S, _shut, (request,))
        limit.daemon = True
        limit.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            limit.cancel()
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is none of the user's concern."""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_S
    server_version: ClassVar[str] = "edgefit"  # type: ignore[misc]
    sys_version: ClassVar[str] = ""  # type: ignore[misc]

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, explain="The metrics are at /metrics.")
            return
        body = self.server.text().encode()
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Standard error is for the run."""
