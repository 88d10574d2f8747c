"""Addresses of cameras, and their text without the password.

Every name, message and record uses :func:`without_password`. It rather removes too much than too
little: people type passwords with ``@``, ``/`` and ``#`` in them, and such an address can be read
in several ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from edgefit.errors import InputError
from edgefit.names import printable

_USER_AND_PASSWORD = re.compile(
    r"""(?P<scheme>[a-z][a-z0-9+.-]*://)
        (?=[^/?\#\s]*[:@])   # without either, no password can be there
        \S*@                 # up to the last @: a password may hold @, / and #""",
    re.IGNORECASE | re.VERBOSE,
)
_SECRET_VALUE = re.compile(
    r"""(?P<name>[?&;/_.\#][^\s=&?/]*(?:pass|pwd|token|key|secret|auth|sig|credential)[^\s=&?/]*=)
        (?P<value>[^\s&"'<>]*?)(?=_[a-z]+=|[\s&"'<>]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_HIDDEN = "***"
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]")
CAMERA_PREFIX = "camera:"
CAMERA_DEVICE = re.compile(r"/dev/(video\d+|v4l/.+)")


def is_camera(text: str) -> bool:
    """Whether a source's text means a camera of this machine."""
    return text.startswith(CAMERA_PREFIX) or CAMERA_DEVICE.fullmatch(text) is not None


def is_rtsp(text: str) -> bool:
    """Whether a source's text means an RTSP stream."""
    return text.lower().startswith(("rtsp://", "rtsps://"))


def is_http(text: str) -> bool:
    """Whether a source's text means something over HTTP."""
    return text.lower().startswith(("http://", "https://"))


def without_password(text: str) -> str:
    """The text with no user, no password and no secret of a query in any address it holds.

    >>> without_password("rtsp://admin:1234@10.0.0.9/line?channel=1&token=abc")
    'rtsp://10.0.0.9/line?channel=1&token=***'
    """
    shown = _USER_AND_PASSWORD.sub(r"\g<scheme>", text)
    return printable(_SECRET_VALUE.sub(rf"\g<name>{_HIDDEN}", shown))


@dataclass(frozen=True)
class Address:
    """Where a stream comes from.

    Attributes:
        scheme: ``rtsp``, ``rtsps``, ``http`` or ``https``.
        host: Without brackets.
        port: The one given, else that of the scheme.
        target: Path and query, percent-encoded.
        user: Decoded; empty where none is given.
        password: Decoded.
        shown: The text without the password.
    """

    scheme: str
    host: str
    port: int
    target: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    shown: str = ""

    @property
    def has_login(self) -> bool:
        """Whether a user or a password is given."""
        return bool(self.user or self.password)

    @property
    def url(self) -> str:
        """The address without user and password."""
        return f"{self.scheme}://{self._netloc}{self.target}"

    @property
    def url_with_password(self) -> str:
        """The whole address, for a library that logs in itself. Never print it."""
        login = ""
        if self.has_login:
            login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"
        return f"{self.scheme}://{login}{self._netloc}{self.target}"

    @property
    def _netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def clean(self, text: str) -> str:
        """A message of another library, without this address's password."""
        for secret in {self.password, quote(self.password, safe="")} - {""}:
            text = text.replace(secret, _HIDDEN)
        return without_password(text)


_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def address_of(text: str) -> Address:
    """Take an address apart.

    Raises:
        InputError: It has no host, a port that is not a number, spaces or control characters.
    """
    try:
        parts = urlsplit(text)
        host, port = _ascii(parts.hostname or ""), parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), "", None
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not host or _CONTROL.search(text) or _CONTROL.search((user + password).replace(" ", "")):
        raise InputError(
            "The address of the stream cannot be read.",
            path=without_password(text),
            expected="scheme://user:password@host:port/path",
            remedy="write special characters of the password as in a URL: @ as %40, / as %2F, "
            ": as %3A, # as %23, ? as %3F, a space as %20",
        )
    scheme = parts.scheme.lower()
    target = urlunsplit(("", "", parts.path or ("/" if "http" in scheme else ""), parts.query, ""))
    return Address(
        scheme=scheme,
        host=host,
        port=port if port is not None else _PORTS[scheme],
        target=quote(target, safe="/?#[]@!$&'()*+,;=:%~-._"),
        user=user,
        password=password,
        shown=without_password(text),
    )


def _ascii(host: str) -> str:
    """The name as the network knows it; raises ValueError where it cannot be one."""
    return host if host.isascii() and ":" in host else host.encode("idna").decode("ascii")
