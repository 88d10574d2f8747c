"""Reports to a real datagram socket, as systemd opens it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgefit.runtime.monitor.systemd import Systemd


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(10)
        yield listener


def environment(address: str, **others: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": address, **others}


def test_it_reports_to_a_socket_in_the_file_system(tmp_path: Path) -> None:
    with listening(str(tmp_path / "notify")) as listener:
        systemd = Systemd(environment(str(tmp_path / "notify"), WATCHDOG_USEC="40000"))
        systemd.ready("watching \x1b[31minbox\nREADY=0")
        systemd.beat()
        systemd.stopping()
        assert [listener.recv(4096) for _ in range(3)] == [
            b"READY=1\nSTATUS=watching \\x1b[31minbox\\nREADY=0",
            b"WATCHDOG=1",
            b"STOPPING=1",
        ]


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's")
def test_it_reports_to_an_abstract_socket() -> None:
    name = f"edgefit-test-{os.getpid()}"
    with listening(f"\0{name}") as listener:
        Systemd(environment(f"@{name}")).ready()
        assert listener.recv(4096) == b"READY=1"


def test_the_default_is_the_environment_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not Systemd().listens
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    assert Systemd().listens


def test_many_beats_send_few_reports(tmp_path: Path) -> None:
    with listening(str(tmp_path / "notify")) as listener:
        systemd = Systemd(environment(str(tmp_path / "notify"), WATCHDOG_USEC="60000000"))
        for _ in range(1000):
            systemd.beat()
        listener.setblocking(False)
        assert listener.recv(4096) == b"WATCHDOG=1"
        with pytest.raises(BlockingIOError):
            listener.recv(4096)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"WATCHDOG_USEC": "2000000"}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process(given: dict[str, str], seconds: float | None) -> None:
    assert Systemd(environment("/run/none", **given)).watchdog_s == seconds


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234", "/nowhere/at/all"])
def test_a_socket_that_is_not_there_is_no_error(address: str) -> None:
    systemd = Systemd(environment(address, WATCHDOG_USEC="1000"))
    systemd.ready("there")
    systemd.beat()
    systemd.stopping()


def test_a_full_socket_does_not_hold_up_the_run(tmp_path: Path) -> None:
    with listening(str(tmp_path / "notify")):
        systemd = Systemd(environment(str(tmp_path / "notify")))
        for number in range(2000):  # far above net.unix.max_dgram_qlen
            systemd.status(str(number))
