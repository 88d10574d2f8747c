"""Starts and kills the real RTSP server of :mod:`tests.rtsp_server`; skips where it is missing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

PYTHON = "/usr/bin/python3"
PACKAGES = "gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good \
gstreamer1.0-plugins-ugly python3-gi"
_SERVER = Path(__file__).with_name("rtsp_server.py")
_ASKS = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
elements = ("videotestsrc", "x264enc", "rtph264pay", "jpegenc", "rtpjpegpay")
raise SystemExit(not all(Gst.ElementFactory.find(name) for name in elements))
"""


@cache
def is_installed() -> bool:
    """Whether this machine can run the server."""
    try:
        return (
            subprocess.run([PYTHON, "-c", _ASKS], capture_output=True, timeout=60).returncode == 0
        )
    except OSError:
        return False


class RtspCamera:
    """A running server."""

    def __init__(self, port: int, *options: str) -> None:
        self._process = subprocess.Popen(
            [PYTHON, str(_SERVER), "--port", str(port), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().split()
        assert said[:1] == ["ready"], said
        self.port = int(said[1])

    def url(self, login: str = "") -> str:
        """The address of its stream."""
        return f"rtsp://{login}127.0.0.1:{self.port}/line"

    def tell(self, word: str) -> None:
        """``stall`` or ``resume``."""
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """At once, as by a power cut."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def rtsp_camera(*options: str, port: int = 0) -> Iterator[RtspCamera]:
    """A server that runs while the block runs."""
    if not is_installed():
        pytest.skip(f"no RTSP server on this machine: apt-get install {PACKAGES}")
    camera = RtspCamera(port, *options)
    try:
        yield camera
    finally:
        camera.kill()
