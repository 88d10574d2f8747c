"""Answers of HTTP servers: logins, redirects, certificates, and what is not HTTP."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources.addresses import address_of
from edgefit.runtime.sources.connection import StreamLost
from edgefit.runtime.sources.http_answer import ask
from tests.camera_server import Behaviour, Request, camera


def _whole(url: str) -> bytes:
    answer = ask(address_of(url), 2, 2)
    try:
        return answer.read_whole(1000)
    finally:
        answer.close()


def _digest(request: Request) -> None:
    """A camera that knows only Digest."""
    given = dict(re.findall(r'(\w+)="([^"]*)"', request.headers.get("Authorization", "")))

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode()).hexdigest()

    expected = md5(md5("anna", "camera", "ge heim"), "n1", md5("GET", request.path))
    if given.get("response") == expected:
        request.head("text/plain")
        request.wfile.write(b"in")
    else:
        request.head("text/plain", 401, WWW_Authenticate='Digest realm="camera", nonce="n1"')


def test_digest_lets_the_right_password_in_and_no_other() -> None:
    with camera(_digest) as server:
        host = f"127.0.0.1:{server.port}/a?b=1"
        assert _whole(f"http://anna:ge%20heim@{host}") == b"in"
        for login in ("anna:falsch@", "eva:ge%20heim@", ""):
            with pytest.raises(InputError, match="a user and a password") as caught:
                _whole(f"http://{login}{host}")
            assert "falsch" not in str(caught.value) and "heim" not in str(caught.value)


def test_a_login_may_have_any_letters() -> None:
    def behave(request: Request) -> None:
        given = request.headers.get("Authorization", "")
        request.head("a/b", 200 if given else 401, WWW_Authenticate='Digest realm="r", nonce="n"')
        request.wfile.write(given.encode("latin-1"))

    with camera(behave) as server:
        said = _whole(f"http://%E2%82%AC:%E2%82%AC@127.0.0.1:{server.port}/")
    assert 'username="€"'.encode() in said


def test_redirects_are_followed_and_only_the_same_server_gets_the_password() -> None:
    def other(request: Request) -> None:
        assert request.headers.get("Authorization") is None
        request.head("text/plain", 401, WWW_Authenticate='Basic realm="x"')

    with camera(other) as thief, camera(_digest) as server:
        inner = server.behave
        server.behave = lambda request: (
            inner(request)
            if request.path == "/b"
            else request.head(
                "text/plain", 302, Location="/b" if request.path == "/a" else thief.url
            )
        )
        login = f"http://anna:ge%20heim@127.0.0.1:{server.port}"
        assert _whole(f"{login}/a") == b"in"
        with pytest.raises(InputError, match="a user and a password"):
            _whole(f"{login}/elsewhere")
        assert len(thief.requests) == 1, "asked once, without the password"


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (lambda request: request.head("a/b", 503), "status 503"),
        (lambda request: request.head("a/b", 404), "status 404"),
        (lambda request: request.head("a/b", 302, Location="/again"), "redirects again and"),
        (lambda request: request.head("a/b", 302, Location="file:///etc"), "not HTTP|be read"),
        (lambda request: request.head("a/b", 302, Location="http://a:b/"), "cannot be read"),
        (lambda request: request.wfile.write(b"220 ftp ready\r\n"), "not HTTP"),
        (lambda request: None, "the connection was cut"),
    ],
)
def test_what_is_wrong_now_is_a_reason_to_try_again(behave: Behaviour, reason: str) -> None:
    with camera(behave) as server, pytest.raises(StreamLost, match=reason):
        _whole(server.url)


def test_a_body_is_bounded_and_must_be_whole() -> None:
    def long(request: Request) -> None:
        request.head("a/b")
        request.wfile.write(b"x" * 2000)

    def cut(request: Request) -> None:
        request.head("a/b", Content_Length="90")
        request.wfile.write(b"x" * 20)

    with camera(long) as server, pytest.raises(StreamLost, match="larger than 1000"):
        _whole(server.url)
    with camera(cut) as server, pytest.raises(StreamLost, match="cut"):
        _whole(server.url)


def test_a_body_may_come_in_chunks() -> None:
    def behave(request: Request) -> None:
        request.protocol_version = "HTTP/1.1"
        request.head("a/b", Transfer_Encoding="chunked")
        for _ in range(3):
            request.wfile.write(b"4\r\nabcd\r\n")
        request.wfile.write(b"0\r\n\r\n")

    with camera(behave) as server:
        assert _whole(server.url) == 3 * b"abcd"


def test_a_name_that_nobody_knows_and_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(StreamLost, match="refused"):
        _whole(f"http://127.0.0.1:{port}/")
    with pytest.raises(StreamLost, match="name is not known"):
        _whole("http://nowhere.invalid/")


def test_what_does_not_speak_tls_is_no_crash() -> None:
    with camera(lambda request: None) as server, pytest.raises(StreamLost, match="encrypted"):
        _whole(server.url.replace("http:", "https:"))


def test_a_certificate_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    made = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1"
    made += f" -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {certificate}"
    subprocess.run(made.split(), check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def behave(request: Request) -> None:
        request.head("text/plain")
        request.wfile.write(b"in")

    with camera(behave) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = server.url.replace("http:", "https:")
        with pytest.raises(InputError, match="certificate of the server is not trusted"):
            _whole(url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert _whole(url) == b"in"
