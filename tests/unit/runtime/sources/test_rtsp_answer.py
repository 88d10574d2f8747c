"""Why a stream does not open, from answers of a small server that only describes."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources.addresses import address_of
from edgefit.runtime.sources.connection import StreamLost
from edgefit.runtime.sources.rtsp_answer import why_it_does_not_open


@contextmanager
def _answers(*texts: str) -> Iterator[tuple[int, list[str]]]:
    """A server that gives these answers on one connection; its port, and what it was asked."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                line, _ = listening.accept()
                with line:
                    for text in texts:
                        asked.append(line.recv(4096).decode())
                        line.sendall(text.encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], asked
        thread.join(2)


def _why(*texts: str, login: str = "") -> tuple[StreamLost | InputError, list[str]]:
    with _answers(*texts) as (port, asked):
        return why_it_does_not_open(address_of(f"rtsp://{login}127.0.0.1:{port}/line"), 1), asked


def _says(status: str, *fields: str) -> str:
    return "\r\n".join([f"RTSP/1.0 {status}", "CSeq: 1", *fields, "", ""])


ASKS = _says("401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="n"')


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_says("404 Not Found"), "no stream at this path"),
        (_says("503 Service Unavailable"), "status 503"),
        (_says("200 OK"), "does not start in time"),
        ("HTTP/1.0 400 Bad Request\r\n\r\n", "not RTSP"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "not RTSP"),
        ("", "not RTSP"),
        ("RTSP/1.0", "not RTSP"),
    ],
)
def test_the_status_becomes_words(answer: str, reason: str) -> None:
    why, _ = _why(answer)
    assert isinstance(why, StreamLost) and reason in why.reason


def test_a_refused_password_is_an_error_of_the_input() -> None:
    why, asked = _why(ASKS, ASKS, login="anna:geh%40eim@")
    assert isinstance(why, InputError) and "are refused" in str(why.found)
    assert "Authorization: Digest " in asked[1]
    sent = re.findall(r'username="(\w+)".*uri="([^"]+)"', asked[1])
    assert sent == [("anna", asked[1].split()[1])], "the address goes without the password"
    assert "geh" not in str(why) + "".join(asked)
    why, asked = _why(ASKS)
    assert isinstance(why, InputError) and "no user and password" in str(why.found)
    assert len(asked) == 1


def test_a_right_password_shows_what_else_is_wrong() -> None:
    why, _ = _why(ASKS, _says("404 Not Found"), login="anna:geheim@")
    assert isinstance(why, StreamLost) and "no stream at this path" in why.reason


def test_no_answer_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        why = why_it_does_not_open(address_of(f"rtsp://127.0.0.1:{port}/"), 0.2)
    assert isinstance(why, StreamLost) and why.reason == "no answer within 0.2 s"
    why = why_it_does_not_open(address_of(f"rtsp://127.0.0.1:{port}/"), 0.2)
    assert isinstance(why, StreamLost) and "refused" in why.reason
    why = why_it_does_not_open(address_of("rtsp://nowhere.invalid/"), 1)
    assert isinstance(why, StreamLost) and "name is not known" in why.reason
