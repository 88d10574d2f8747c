"""Addresses: taken apart, and shown without what is secret."""

from __future__ import annotations

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources.addresses import (
    address_of,
    is_camera,
    is_http,
    is_rtsp,
    without_password,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://10.0.0.9/line", "rtsp://10.0.0.9/line"),
        ("rtsp://anna:geheim@10.0.0.9:554/line", "rtsp://10.0.0.9:554/line"),
        ("RTSP://anna:geheim@host", "RTSP://host"),
        ("http://geheim@host/a", "http://host/a"),
        ("http://:geheim@host/a", "http://host/a"),
        # passwords that should have been percent-encoded
        ("rtsp://anna:geh@eim@host/a", "rtsp://host/a"),
        ("rtsp://anna:geh/eim@host/a", "rtsp://host/a"),
        ("rtsp://anna:1234/geheim@host/a", "rtsp://host/a"),
        ("rtsp://anna:geh#eim?@host/a", "rtsp://host/a"),
        ("rtsp://anna:g@h/geheim@host/a", "rtsp://host/a"),
        ("rtsp://anna:geh%40eim@[fe80::1]:554/a", "rtsp://[fe80::1]:554/a"),
        # secrets of a query, and of a path as some cameras want them
        ("http://host/snap.cgi?usr=anna&pwd=geheim", "http://host/snap.cgi?usr=anna&pwd=***"),
        ("http://host/a?Password=geheim&ch=1", "http://host/a?Password=***&ch=1"),
        ("http://host/a?token=geheim", "http://host/a?token=***"),
        ("http://host/a?api_key=geheim", "http://host/a?api_key=***"),
        ("http://host/a?access-token=geh/eim==", "http://host/a?access-token=***"),
        ("http://host/a?x=1;key=geheim", "http://host/a?x=1;key=***"),
        (
            "rtsp://host/user=anna_password=geheim_channel=1_stream=0.sdp",
            "rtsp://host/user=anna_password=***_channel=1_stream=0.sdp",
        ),
        # inside a sentence, more than once
        (
            "Opening 'http://a:geheim@h/x?pwd=geheim' failed; see rtsp://b:geheim@i/",
            "Opening 'http://i/",
        ),
        # what is no secret stays
        ("http://host/media@1.jpg", "http://host/media@1.jpg"),
        ("folder/mail@host/a.png", "folder/mail@host/a.png"),
        ("http://host:8080/a?channel=1", "http://host:8080/a?channel=1"),
    ],
)
def test_a_shown_address_has_no_password(text: str, shown: str) -> None:
    if text.startswith("Opening"):
        assert "geheim" not in without_password(text)
        assert without_password(text).endswith("see rtsp://i/")
    else:
        assert without_password(text) == shown
        assert "geheim" not in shown


def test_an_address_is_taken_apart() -> None:
    address = address_of("rtsp://an%40na:p%40ss%2Fw%3A@Host:8554/line 1?x=ä".replace(" ", "%20"))
    assert (address.scheme, address.host, address.port) == ("rtsp", "host", 8554)
    assert (address.user, address.password) == ("an@na", "p@ss/w:")
    assert address.target == "/line%201?x=%C3%A4"
    assert address.url == "rtsp://host:8554/line%201?x=%C3%A4"
    again = address_of(address.url_with_password)
    assert (again.user, again.password, again.url) == ("an@na", "p@ss/w:", address.url)
    assert "p@ss" not in repr(address)


@pytest.mark.parametrize(
    ("text", "port", "target"),
    [
        ("http://host", 80, "/"),
        ("https://host/a", 443, "/a"),
        ("rtsp://host", 554, ""),
        ("rtsps://[::1]/a", 322, "/a"),
    ],
)
def test_the_scheme_gives_the_port(text: str, port: int, target: str) -> None:
    address = address_of(text)
    assert (address.port, address.target) == (port, target)
    assert address_of(address.url) == address_of(address.url_with_password)


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "rtsp:///line",
        "rtsp://anna:geh/eim@host/line",
        "rtsp://host:99999/",
        "http://[fe80/",
        "http://anna:geheim@host/a b",
        "http://anna:geheim@host/a\r\nX: y",
        "http://anna:geh%0D%0Aeim@host/a",
        "http://anna:geheim@a..b/",
        "http://anna:geheim@" + 70 * "a" + ".de/",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        address_of(text)
    assert "%40" in str(caught.value) and "eim" not in str(caught.value)


def test_a_host_may_have_any_letters() -> None:
    assert address_of("rtsp://kamera-süd.example/").host == "xn--kamera-sd-x9a.example"


def test_foreign_messages_lose_the_password_in_every_form() -> None:
    address = address_of("rtsp://anna:p%40ss@host/line")
    cleaned = address.clean("401 for rtsp://anna:p%40ss@host/line with p@ss or p%40ss")
    assert cleaned == "401 for rtsp://host/line with *** or ***"


def test_the_text_tells_the_kind() -> None:
    assert is_camera("camera:0") and is_camera("/dev/video12") and is_camera("camera:x")
    assert not is_camera("video0") and not is_camera("/dev/videos/a.png")
    assert is_rtsp("rtsp://h") and is_rtsp("RTSPS://h") and not is_rtsp("rtsp.mp4")
    assert is_http("https://h") and is_http("HTTP://h") and not is_http("http.png")
