"""One answer of an HTTP server, open for reading: authorization, redirects, errors in words."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urljoin

from edgefit.errors import InputError
from edgefit.runtime.sources.addresses import Address, address_of
from edgefit.runtime.sources.authorization import authorization
from edgefit.runtime.sources.connection import StreamLost
from edgefit.runtime.sources.rtsp_answer import reason_of, wrong_password

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_UNAUTHORIZED, _FORBIDDEN, _UNCHANGED = 401, 403, 304
_AGENT = "edgefit"


class HttpAnswer:
    """An open answer. Read it in one thread; :meth:`interrupt` may come from another.

    It goes straight to the server, never through a proxy: cameras are on the plant's own network.

    Args:
        address: Where it came from, after redirects.
        line: The connection.
        response: Its status and fields are read, its body is not.
        timeout_s: How long the server may stay silent in the body.
    """

    def __init__(
        self,
        address: Address,
        line: http.client.HTTPConnection,
        response: http.client.HTTPResponse,
        timeout_s: float,
    ) -> None:
        self._address, self._line, self._response = address, line, response
        self._timeout_s = timeout_s
        self._socket = line.sock
        if self._socket is not None:
            self._socket.settimeout(timeout_s)

    @property
    def status(self) -> int:
        """200 or 304."""
        return self._response.status

    def field(self, name: str) -> str:
        """A field of the answer's head; empty where it is missing."""
        return self._response.getheader(name, "") or ""

    def read_some(self, most: int = 65536) -> bytes:
        """What has come of the body; empty at its end.

        Raises:
            StreamLost: The connection was cut or is silent.
        """
        try:
            return self._response.read1(most)
        except TimeoutError as error:
            raise StreamLost(f"it gave nothing for {self._timeout_s:g} s") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _lost(error, self._timeout_s) from error

    def read_whole(self, most: int) -> bytes:
        """The whole body.

        Raises:
            StreamLost: It was cut, or is larger than ``most`` bytes.
        """
        body = bytearray()
        while piece := self.read_some():
            body += piece
            if len(body) > most:
                raise StreamLost(f"the answer is larger than {most} bytes")
        stated = self.field("Content-Length")
        if stated.isdigit() and len(body) < int(stated):
            raise StreamLost("the answer was cut off")
        return bytes(body)

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
        self._line.close()

    def interrupt(self) -> None:
        """Make a read in another thread end."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def ask(
    address: Address,
    open_timeout_s: float,
    read_timeout_s: float,
    fields: Mapping[str, str] | None = None,
) -> HttpAnswer:
    """Send ``GET`` and wait for the head of the answer.

    Raises:
        StreamLost: There is no answer, or one that says that something is wrong now.
        InputError: User and password, or the certificate, are refused.
    """
    for _ in range(_MOST_REDIRECTS):
        line, response = _logged_in(address, open_timeout_s, {**(fields or {})})
        if response.status in (200, _UNCHANGED):
            return HttpAnswer(address, line, response, read_timeout_s)
        goal = response.getheader("Location") if response.status in _REDIRECTS else None
        response.close()
        line.close()
        if goal is None:
            if response.status in (_UNAUTHORIZED, _FORBIDDEN):
                raise wrong_password(address, response.status)
            raise StreamLost(f"the server answered with status {response.status}")
        address = _redirected(address, goal)
    raise StreamLost("the server redirects again and again")


def _logged_in(
    address: Address, timeout_s: float, fields: Mapping[str, str | bytes]
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    line, response = _sent(address, timeout_s, fields)
    if response.status != _UNAUTHORIZED or not address.has_login:
        return line, response
    challenges = response.headers.get_all("WWW-Authenticate") or []
    login = authorization(challenges, address.user, address.password, "GET", address.target)
    if login is None:
        return line, response
    response.close()
    line.close()
    return _sent(address, timeout_s, {**fields, "Authorization": login.encode("utf-8")})


def _sent(
    address: Address, timeout_s: float, fields: Mapping[str, str | bytes]
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    line: http.client.HTTPConnection
    if address.scheme == "https":
        context = ssl.create_default_context()
        line = http.client.HTTPSConnection(
            address.host, address.port, timeout=timeout_s, context=context
        )
    else:
        line = http.client.HTTPConnection(address.host, address.port, timeout=timeout_s)
    try:
        line.request("GET", address.target, headers={"User-Agent": _AGENT, **fields})
        # An answer without a length ends with its connection; http.client closes its own handle
        # on that socket then, so the socket stays in ``line.sock`` only where it is kept here.
        kept = line.sock
        response = line.getresponse()
        line.sock = kept
        return line, response
    except ssl.SSLCertVerificationError as error:
        line.close()
        raise _wrong_certificate(address, error) from error
    except (OSError, http.client.HTTPException) as error:
        line.close()
        raise _lost(error, timeout_s) from error


def _redirected(address: Address, goal: str) -> Address:
    """Where a redirect leads; only the same server gets user and password again."""
    try:
        to = address_of(urljoin(address.url, goal))
    except (InputError, KeyError) as error:
        raise StreamLost("the server redirects to an address that cannot be read") from error
    if to.scheme not in ("http", "https"):
        raise StreamLost("the server redirects to an address that is not HTTP")
    same = (to.host, to.port) == (address.host, address.port)
    return replace(
        to,
        user=address.user if same else "",
        password=address.password if same else "",
        shown=address.shown,
    )


def _lost(error: Exception, timeout_s: float) -> StreamLost:
    if isinstance(error, http.client.IncompleteRead | http.client.RemoteDisconnected):
        return StreamLost("the connection was cut")
    if isinstance(error, OSError):
        return StreamLost(reason_of(error, timeout_s))
    return StreamLost("the server's answer is not HTTP")


def _wrong_certificate(address: Address, error: ssl.SSLCertVerificationError) -> InputError:
    return InputError(
        "The certificate of the server is not trusted.",
        path=address.shown,
        found=address.clean(error.verify_message),
        remedy="set SSL_CERT_FILE to the certificate of the camera or of its issuer, and give the "
        "host by the name in it",
    )
