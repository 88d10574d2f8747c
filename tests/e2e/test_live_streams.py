"""Cameras over the network that are lost, hang, lie and come back; each on the loopback.

The RTSP server is a real one (gst-rtsp-server) in a process of its own. The HTTP camera is ours.
"""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from dataclasses import replace

import numpy as np
import pytest

from edgefit.errors import InputError, SourceLostError
from edgefit.runtime.sources import SourceFrame, SourceOptions, open_source
from edgefit.runtime.sources.options import RtspTransport
from edgefit.runtime.stream import Stream
from edgefit.spec import Frame, Prediction
from tests.camera_server import Behaviour, Request, camera, jpeg
from tests.rtsp_camera import rtsp_camera
from tests.watched_source import QUICK, watched

pytestmark = pytest.mark.slow

VALUES = (10, 60, 110, 160, 210)


def _streams(request: Request) -> None:
    request.stream()
    for value in itertools.cycle(VALUES):
        request.part(jpeg(value))
        request.sleep(0.02)


def _three_and_then(what: str) -> Behaviour:
    """Three frames; then it hangs, or closes in the middle of a part. Later answers are good."""
    answers = itertools.count()

    def behave(request: Request) -> None:
        if next(answers) > 0:
            return _streams(request)
        request.stream()
        for value in VALUES[:3]:
            request.part(jpeg(value))
        if what == "hang":
            request.sleep(30)
        else:
            request.wfile.write(b"--frame\r\nContent-Length: 9999\r\n\r\n" + jpeg(99)[:-40])

    return behave


def _grey(frames: list[SourceFrame]) -> list[int]:
    return [round(float(f.frame.mean())) for f in frames if f.frame is not None]


def test_a_stream_that_is_cut_and_comes_back_goes_on_counting() -> None:
    with camera(_streams) as first, watched(first.url) as seen:
        port = first.port
        seen.wait_for(5)
        first.closing.set()
        first.shutdown()
        first.server_close()
        time.sleep(0.6)
        assert len(seen.told) == 1, "lost, said once"
        count = len(seen.frames)
        with camera(_streams, port):
            seen.wait_for(count + 5)
    assert [f.index for f in seen.frames] == list(range(len(seen.frames)))
    lost, back = seen.told[:2]
    assert lost.startswith(f"{first.url} is lost: ") and "Trying again" in lost
    assert back.startswith(f"{first.url} is back after ")
    arrivals = [f.arrived_monotonic_s for f in seen.frames]
    assert arrivals == sorted(arrivals) and all(f.arrived_at for f in seen.frames)
    assert seen.source.live


def test_a_stream_that_stalls_without_closing_is_noticed() -> None:
    with camera(_three_and_then("hang")) as server, watched(server.url) as seen:
        began = time.monotonic()
        seen.wait_for(8)
        took = time.monotonic() - began
    assert 0.6 < took < 4
    assert "it gave nothing for 0.6 s" in seen.told[0] or "it gave no frame for" in seen.told[0]
    assert "is back" in seen.told[1]


def test_a_part_that_is_cut_with_its_connection_is_one_error() -> None:
    with camera(_three_and_then("cut")) as server, watched(server.url) as seen:
        frames = seen.wait_for(8)
    errors = [(f.index, f.error) for f in frames if f.error]
    assert [index for index, _ in errors] == [3]
    assert "cut off" in str(errors[0][1])
    assert _grey(frames)[:4] == pytest.approx([10, 60, 110, 10], abs=1)


def test_a_trickle_of_bytes_does_not_count_as_life() -> None:
    """Each byte resets the socket's timeout; the watchdog looks at frames."""

    def trickle(request: Request) -> None:
        request.stream()
        request.part(jpeg(9))
        for byte in itertools.cycle(jpeg(10)[:200]):
            request.wfile.write(bytes([byte]))
            request.sleep(0.05)

    with camera(trickle) as server, watched(server.url) as seen:
        seen.wait_for(2)
    assert "it gave no frame for 0.6 s" in seen.told[0]


def test_what_is_never_there_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = replace(QUICK, give_up_s=1.2)
    began = time.monotonic()
    with watched(f"http://anna:geheim@127.0.0.1:{port}/video?token=secret2", options) as seen:
        error = seen.wait_for_end()
    assert isinstance(error, SourceLostError) and error.exit_code == 1
    assert 1.2 <= time.monotonic() - began < 3
    assert error.path == f"http://127.0.0.1:{port}/video?token=***"
    assert "refused" in str(error.found)
    assert len(seen.told) == 1 and "is not there" in seen.told[0]
    text = f"{error} {error.to_dict()} {seen.told} {seen.source.name}"
    assert "geheim" not in text and "secret2" not in text and "anna" not in text


def test_a_server_that_never_answers_runs_into_the_open_timeout_and_can_be_stopped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/video"
        options = replace(QUICK, open_timeout_s=0.5, give_up_s=0.6)
        with watched(url, options) as seen:
            error = seen.wait_for_end()
        assert isinstance(error, SourceLostError) and "no answer within 0.5 s" in str(error.found)
        with watched(url, replace(QUICK, open_timeout_s=20)) as seen:
            time.sleep(0.3)
            assert seen.stop() < 1.0


def _asks_for(login: str) -> Behaviour:
    def behave(request: Request) -> None:
        given = request.headers.get("Authorization", "")
        if given == "Basic " + b64encode(login.encode()).decode():
            return _streams(request)
        request.head("text/html", 401, WWW_Authenticate='Basic realm="camera"')

    return behave


def test_a_wrong_password_ends_the_source_at_once() -> None:
    with camera(_asks_for("anna:p@ss/w")) as server:
        host = f"127.0.0.1:{server.port}/video"
        with watched(f"http://anna:falsch@{host}") as seen:
            error = seen.wait_for_end()
        assert isinstance(error, InputError) and error.exit_code == 2
        assert "401" in str(error.found) and "falsch" not in f"{error} {error.to_dict()}"
        assert len(server.requests) == 2, "one without and one with the password, and no more"
        with watched(f"http://anna:p%40ss%2Fw@{host}") as seen:
            assert seen.wait_for(2)[0].name == f"http://{host}#0"


def test_latest_keeps_the_age_flat_and_counts_what_it_drops() -> None:
    """A model of 90 ms at 50 frames a second: without dropping, the age grows by 70 ms a frame."""

    def slow(frame: Frame) -> Prediction:
        time.sleep(0.09)
        return Prediction(decision="fine")

    with camera(_streams) as server:
        source = open_source(server.url, options=QUICK)
        running = Stream(slow, [source])
        answers = list(itertools.islice(running, 30))
        running.stop()
        list(running)
    ages = [answer.age_s for answer in answers]
    assert max(ages) < 0.35 and np.median(ages[-10:]) < np.median(ages[:10]) + 0.05
    dropped = [answer.frame.dropped for answer in answers]
    assert dropped == sorted(dropped) and dropped[-1] > 50
    last = answers[-1].frame
    assert last.index == len(answers) - 1 + last.dropped, "each frame is answered or counted"


# --- RTSP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", RtspTransport)
@pytest.mark.parametrize("codec", ["h264", "jpeg"])
def test_rtsp_frames_have_presentation_times_and_the_right_form(
    codec: str, transport: RtspTransport
) -> None:
    before = dict(os.environ)
    options = replace(QUICK, open_timeout_s=10, read_timeout_s=3, rtsp_transport=transport)
    with rtsp_camera("--codec", codec) as server, watched(server.url(), options) as seen:
        frames = list(seen.wait_for(20))
    assert dict(os.environ) == before
    assert all(f.frame is not None and f.frame.shape == (240, 320, 3) for f in frames)
    steps = np.diff([f.time_s for f in frames if f.time_s is not None])
    assert len(steps) >= 15 and np.median(steps) == pytest.approx(0.05, abs=0.005)
    assert seen.told == []


def test_rtsp_killed_and_started_again_comes_back(capfd: pytest.CaptureFixture[str]) -> None:
    options = replace(QUICK, open_timeout_s=5, read_timeout_s=2)
    login = "anna:p%40ss%2Fw@"
    protected = ("--user", "anna:p@ss/w")
    with rtsp_camera(*protected) as server, watched(server.url(login), options) as seen:
        seen.wait_for(10)
        server.kill()
        time.sleep(1.5)
        count = len(seen.frames)
        with rtsp_camera(*protected, port=server.port):
            seen.wait_for(count + 10, 20)
    assert [f.index for f in seen.frames] == list(range(len(seen.frames)))
    lost, back = seen.told[:2]
    assert lost.startswith(f"{server.url()} is lost: ") and "is back after" in back
    times = [f.time_s for f in seen.frames if f.time_s is not None]
    assert times == sorted(times), "presentation times go on"
    printed = capfd.readouterr()
    assert "p@ss" not in str(printed) and "p%40ss" not in str(printed)


def test_rtsp_that_stalls_without_closing_is_noticed() -> None:
    options = replace(QUICK, open_timeout_s=5, read_timeout_s=1.0)
    with rtsp_camera() as server, watched(server.url(), options) as seen:
        seen.wait_for(10)
        server.tell("stall")
        until = time.monotonic() + 5
        while not seen.told and time.monotonic() < until:
            time.sleep(0.02)
        count = len(seen.frames)
        server.tell("resume")
        seen.wait_for(count + 5)
    assert "it gave no frame for 1 s" in seen.told[0] or "gave nothing in time" in seen.told[0]
    assert "is back" in seen.told[1]


def test_rtsp_says_why_it_does_not_open(capfd: pytest.CaptureFixture[str]) -> None:
    options = replace(QUICK, give_up_s=0.0)
    with rtsp_camera("--user", "anna:geheim") as server:
        reasons = {}
        for case, url in (
            ("wrong", server.url("anna:falsch@")),
            ("none", server.url()),
            ("path", server.url("anna:geheim@").replace("line", "other")),
        ):
            with watched(url, options) as seen:
                reasons[case] = seen.wait_for_end()
    assert isinstance(reasons["wrong"], InputError) and "are refused" in str(reasons["wrong"])
    assert isinstance(reasons["none"], InputError) and "no user" in str(reasons["none"])
    assert isinstance(reasons["path"], SourceLostError)
    assert "no stream at this path" in str(reasons["path"])
    printed = str(capfd.readouterr()) + str(reasons)
    assert "falsch" not in printed and "geheim" not in printed


def test_rtsp_that_never_answers_can_be_stopped_within_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/line"
        with watched(url, SourceOptions(open_timeout_s=3)) as seen:
            time.sleep(0.4)
            assert seen.stop() < 1.0


_STOPS_WHILE_IT_OPENS = """
import sys, threading, time
from edgefit.runtime.sources import SourceOptions, open_source

source = open_source(sys.argv[1], options=SourceOptions(open_timeout_s=1.5))
thread = threading.Thread(target=lambda: list(source))
thread.start()
time.sleep(0.3)
source.stop()
thread.join(1)
assert not thread.is_alive()
"""


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_process_that_ends_while_a_stream_opens_ends_well(scheme: str) -> None:
    """A thread that returns from OpenCV while Python ends would abort the process."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/line"
        ended = subprocess.run(
            [sys.executable, "-c", _STOPS_WHILE_IT_OPENS, url], capture_output=True, timeout=60
        )
    assert (ended.returncode, ended.stderr) == (0, b"")
