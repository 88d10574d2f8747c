"""A real RTSP server (gst-rtsp-server) with a generated video, for the system's own Python.

Run as a program it prints ``ready`` and then obeys lines on its standard input: ``stall`` stops
sending without closing any connection, ``resume`` goes on. It ends with its standard input.
"""

from __future__ import annotations

import argparse
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

CODECS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 "
    "! rtph264pay name=pay0 pt=96 config-interval=1",
    "jpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
}


class Stalling:
    """Holds all frames back while ``stalled``, and loses one packet in ``lose``."""

    def __init__(self, lose: int) -> None:
        self.stalled = False
        self._lose, self._packets = lose, 0

    def configure(self, _: object, media: GstRtspServer.RTSPMedia) -> None:
        gate = media.get_element().get_by_name("gate")
        gate.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._pass)
        if self._lose:
            kinds = Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST
            packets = media.get_element().get_by_name("pay0").get_static_pad("src")
            packets.add_probe(kinds, self._lose_one)

    def _pass(self, *_: object) -> Gst.PadProbeReturn:
        return Gst.PadProbeReturn.DROP if self.stalled else Gst.PadProbeReturn.OK

    def _lose_one(self, *_: object) -> Gst.PadProbeReturn:
        self._packets += 1
        lost = self._packets % self._lose == 0
        return Gst.PadProbeReturn.DROP if lost else Gst.PadProbeReturn.OK


def _obey(stalling: Stalling, loop: GLib.MainLoop) -> None:
    for line in sys.stdin:
        stalling.stalled = line.strip() == "stall"
    loop.quit()


def _protect(
    server: GstRtspServer.RTSPServer, media: GstRtspServer.RTSPMediaFactory, user: str
) -> None:
    name, _, password = user.partition(":")
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(name, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    media.set_permissions(permissions)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", default="0")
    parser.add_argument("--codec", choices=CODECS, default="h264")
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--rate", type=int, default=20)
    parser.add_argument("--user")
    parser.add_argument("--lose", type=int, default=0, help="one packet in so many")
    given = parser.parse_args()
    Gst.init(None)
    width, _, height = given.size.partition("x")
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(given.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},"
        f"framerate={given.rate}/1,format=I420 ! identity name=gate ! {CODECS[given.codec]} )"
    )
    factory.set_shared(True)
    stalling = Stalling(given.lose)
    factory.connect("media-configure", stalling.configure)
    if given.user:
        _protect(server, factory, given.user)
    server.get_mount_points().add_factory("/line", factory)
    if server.attach(None) == 0:
        raise SystemExit(f"port {given.port} is taken")
    loop = GLib.MainLoop()
    threading.Thread(target=_obey, args=(stalling, loop), daemon=True).start()
    sys.stdout.write(f"ready {server.get_bound_port()}\n")
    sys.stdout.flush()
    loop.run()


if __name__ == "__main__":
    main()
