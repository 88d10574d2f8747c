from __future__ import annotations

import http.client
import socket
import time

import pytest

from edgefit.errors import InputError
from edgefit.runtime.monitor import prometheus
from edgefit.runtime.monitor.prometheus import MetricsServer, parse_address


def asked(server: MetricsServer, path: str, method: str = "GET") -> http.client.HTTPResponse:
    host = server.url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9100", ("127.0.0.1", 9100)),
        ("0.0.0.0:9100", ("0.0.0.0", 9100)),
        ("line-3.local:80", ("line-3.local", 80)),
        ("[::1]:9100", ("::1", 9100)),
    ],
)
def test_an_address_is_a_port_or_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "x", ":9100", "65536", "-1", "::1:9100", "a b:1", "1:2:3"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="address of the metrics"):
        parse_address(text)


def test_the_metrics_are_at_one_path_alone(capfd: pytest.CaptureFixture[str]) -> None:
    with MetricsServer(("127.0.0.1", 0), lambda: 'up{name="ü"} 1\n') as server:
        assert server.url.startswith("http://127.0.0.1:")
        found = asked(server, "/metrics?x=1")
        assert found.status == 200
        assert found.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
        assert found.body.decode() == 'up{name="ü"} 1\n'  # type: ignore[attr-defined]
        head = asked(server, "/metrics", "HEAD")
        assert (head.status, head.body) == (200, b"")  # type: ignore[attr-defined]
        assert [asked(server, path).status for path in ("/", "/metrics/", "/../etc")] == [404] * 3
        assert asked(server, "/metrics", "POST").status == 501
    assert capfd.readouterr() == ("", "")


def test_a_port_in_use_is_a_clear_error() -> None:
    with MetricsServer(("127.0.0.1", 0), str) as server:
        port = int(server.url.rpartition(":")[2].partition("/")[0])
        with pytest.raises(InputError, match="cannot be served") as refused:
            MetricsServer(("127.0.0.1", port), str)
    assert refused.value.path == f"127.0.0.1:{port}" and refused.value.key == "--metrics"
    with MetricsServer(("127.0.0.1", port), str):
        pass  # it is free again at once


def test_clients_that_say_nothing_hold_up_nobody_and_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prometheus, "_TIMEOUT_S", 0.4)
    monkeypatch.setattr(prometheus._Handler, "timeout", 0.4)
    with MetricsServer(("127.0.0.1", 0), lambda: "up 1\n") as server:
        host, _, port = server.url.removeprefix("http://").partition("/")[0].partition(":")
        silent = [socket.create_connection((host, int(port)), timeout=10) for _ in range(4)]
        slow = socket.create_connection((host, int(port)), timeout=10)
        slow.sendall(b"GET /met")
        assert asked(server, "/metrics").status == 200, "while they hang"
        began, ended = time.monotonic(), False
        while not ended and time.monotonic() - began < 10:  # a byte now and then is no way out
            try:
                slow.sendall(b"r")
            except OSError:
                ended = True
            time.sleep(0.05)
        assert ended
        assert [client.recv(1) for client in silent] == [b""] * 4
        for client in (*silent, slow):
            client.close()
    assert capfd.readouterr() == ("", "")


def test_more_clients_than_it_has_room_for_are_turned_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prometheus, "_MOST_CLIENTS", 2)
    with MetricsServer(("127.0.0.1", 0), str) as server:
        host, _, port = server.url.removeprefix("http://").partition("/")[0].partition(":")
        clients = [socket.create_connection((host, int(port)), timeout=10) for _ in range(3)]
        assert clients[2].recv(1) == b""
        for client in clients:
            client.close()
