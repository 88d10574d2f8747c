"""What the server answers decides whether it is a stream or an image; its name does not."""

from __future__ import annotations

import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources import open_source
from edgefit.runtime.sources.kinds import kind_of
from tests.camera_server import Request, camera, jpeg
from tests.watched_source import watched


def test_an_address_with_a_question_mark_is_not_a_pattern() -> None:
    assert kind_of("http://host/a?b=*").name == "MJPEG stream or snapshot"
    assert kind_of("rtsp://host/a?b").name == "RTSP stream"
    assert kind_of("camera:0").name == "camera"


@pytest.mark.parametrize("kind", ["multipart/x-mixed-replace;boundary=x", "Multipart/Mixed"])
def test_a_stream_may_be_called_like_an_image(kind: str) -> None:
    def behave(request: Request) -> None:
        request.head(kind)
        for value in (10, 20):
            request.part(jpeg(value))
        request.sleep(5)

    with camera(behave) as server, watched(f"http://127.0.0.1:{server.port}/a.jpg") as seen:
        assert len(seen.wait_for(2)) == 2
    assert len(server.requests) == 1


def test_an_image_may_have_any_name() -> None:
    def behave(request: Request) -> None:
        request.head("image/jpeg; charset=x")
        request.wfile.write(jpeg(10))

    with camera(behave) as server, watched(server.url) as seen:
        assert seen.wait_for(1)[0].name == f"{server.url}#0"


@pytest.mark.parametrize("kind", ["text/html", "video/mp4", "application/json"])
def test_anything_else_is_refused_at_once(kind: str) -> None:
    def behave(request: Request) -> None:
        request.head(kind)
        request.wfile.write(b"<html>")

    with camera(behave) as server, watched(server.url) as seen:
        error = seen.wait_for_end()
    assert isinstance(error, InputError) and error.found == kind
    assert len(server.requests) == 1


@pytest.mark.parametrize("text", ["rtmp://anna:geheim@host/a", "ftp://host/a?pwd=geheim"])
def test_what_means_no_source_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InputError, match="does not exist") as caught:
        open_source(text)
    assert "geheim" not in f"{caught.value} {caught.value.to_dict()}"
