"""Why an RTSP stream does not open, asked of the server itself.

OpenCV only says that a stream did not open. One request ``DESCRIBE`` (RFC 2326) tells a wrong
password from a wrong path and from a camera that is switched off.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from edgefit.errors import InputError
from edgefit.runtime.sources.addresses import Address
from edgefit.runtime.sources.authorization import authorization
from edgefit.runtime.sources.connection import StreamLost

_MOST_BYTES = 65536
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404


@dataclass(frozen=True)
class _Answer:
    status: int
    challenges: tuple[str, ...]


def why_it_does_not_open(address: Address, timeout_s: float) -> StreamLost | InputError:
    """Ask the server.

    Returns:
        InputError where it refuses the password, else StreamLost with the reason.
    """
    try:
        with _connected(address, timeout_s) as line:
            answer = _ask(line, address, 1, ())
            if answer is not None and answer.status == _UNAUTHORIZED and address.has_login:
                answer = _ask(line, address, 2, answer.challenges)
    except OSError as error:
        return StreamLost(reason_of(error, timeout_s))
    if answer is None:
        return StreamLost("the server's answer is not RTSP")
    if answer.status in (_UNAUTHORIZED, _FORBIDDEN):
        return wrong_password(address, answer.status)
    if answer.status == _NOT_FOUND:
        return StreamLost("the server has no stream at this path (404)")
    if answer.status == 200:
        return StreamLost("the server answers, but its video does not start in time")
    return StreamLost(f"the server answered with status {answer.status}")


def wrong_password(address: Address, status: int) -> InputError:
    """The error for a server that refuses user and password."""
    given = (
        "user and password are refused" if address.has_login else "no user and password are given"
    )
    return InputError(
        "The server of the stream asks for a user and a password.",
        path=address.shown,
        found=f"status {status}: {given}",
        remedy=f"give them in the address: {address.scheme}://USER:PASSWORD@{address.host}/...; "
        "special characters as in a URL: @ as %40, / as %2F",
    )


def reason_of(error: OSError, timeout_s: float) -> str:
    """Why a connection failed, in a few words; never with anything of the address."""
    if isinstance(error, socket.gaierror):
        return "the host's name is not known"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "the connection is refused: nothing listens at this port"
    if isinstance(error, ssl.SSLError):
        return f"the encrypted connection failed ({error.reason or 'unknown reason'})"
    return (error.strerror or "the connection was cut").lower()


def _connected(address: Address, timeout_s: float) -> socket.socket:
    line = socket.create_connection((address.host, address.port), timeout_s)
    if address.scheme != "rtsps":
        return line
    # As FFmpeg does: cameras certify themselves.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(line, server_hostname=address.host)


def _ask(
    line: socket.socket, address: Address, number: int, challenges: Sequence[str]
) -> _Answer | None:
    target = address.url
    fields = [f"DESCRIBE {target} RTSP/1.0", f"CSeq: {number}", "Accept: application/sdp"]
    login = authorization(challenges, address.user, address.password, "DESCRIBE", target)
    if login is not None:
        fields.append(f"Authorization: {login}")
    line.sendall("\r\n".join([*fields, "", ""]).encode("utf-8"))
    return _parsed(_head_of_answer(line))


def _head_of_answer(line: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _MOST_BYTES:
        piece = line.recv(4096)
        if not piece:
            break
        received += piece
    return received.partition(b"\r\n\r\n")[0]


def _parsed(head: bytes) -> _Answer | None:
    first, *fields = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest.partition(" ")[0]
    if not version.startswith("RTSP/") or not status.isdigit():
        return None
    pairs = [field.partition(":") for field in fields]
    named = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    return _Answer(int(status), tuple(v for n, v in named if n == "www-authenticate"))
