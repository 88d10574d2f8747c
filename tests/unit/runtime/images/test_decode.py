"""Image files: every kind that cameras and scanners write, upright, and never half a picture."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from edgefit.errors import FrameError
from edgefit.runtime.images.header import NoteKind
from edgefit.runtime.images.preprocess import decode_image, preprocess, read_image
from edgefit.spec import Aspect, Frame, InputSpec, JpegDecode

ORIENTATION = 0x0112


@pytest.fixture
def picture() -> Frame:
    """Smooth enough for JPEG, and different in every corner."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    blurred: Any = cv2.GaussianBlur(noise, (0, 0), 3)
    frame: Frame = blurred
    frame[:12, :16] = (250, 10, 10)
    return frame


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def mean_difference(one: Frame, other: Any) -> float:
    return float(np.abs(one.astype(float) - np.asarray(other)).mean())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_files_give_their_pixels(kind: str, picture: Frame) -> None:
    frame = decode_image(encode(Image.fromarray(picture), kind))
    np.testing.assert_array_equal(frame, picture)
    assert frame.flags.c_contiguous


def test_jpeg_and_webp_are_rgb(picture: Frame) -> None:
    image = Image.fromarray(picture)
    for kind in ("JPEG", "WEBP"):
        data = encode(image, kind, quality=95)
        reference = Image.open(io.BytesIO(data)).convert("RGB")
        assert mean_difference(decode_image(data), reference) < 1


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_binary_and_palette_become_rgb(mode: str, picture: Frame) -> None:
    image = Image.fromarray(picture).convert(mode)
    frame = decode_image(encode(image, "PNG"))
    np.testing.assert_array_equal(frame, np.asarray(image.convert("RGB")))


def test_grey_jpeg_becomes_rgb(picture: Frame) -> None:
    frame = decode_image(encode(Image.fromarray(picture).convert("L"), "JPEG"))
    assert frame.shape == picture.shape
    assert np.all(frame == frame[..., :1])


def test_cmyk_jpeg_becomes_rgb(picture: Frame) -> None:
    data = encode(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=95)
    assert mean_difference(decode_image(data), picture) < 2


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_keeps_the_high_byte(suffix: str, channels: int) -> None:
    shape = (8, 8) if channels == 1 else (8, 8, 3)
    deep = np.random.default_rng(1).integers(0, 65536, shape, dtype=np.uint16)
    data = cv2.imencode(suffix, deep)[1].tobytes()
    expected = (deep >> 8).astype(np.uint8)
    expected = np.repeat(expected[..., None], 3, 2) if channels == 1 else expected[..., ::-1]
    np.testing.assert_array_equal(decode_image(data), expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_alpha_is_laid_over_white(kind: str, picture: Frame) -> None:
    image = Image.fromarray(picture)
    alpha = np.zeros(picture.shape[:2], np.uint8)
    alpha[:, 20:40], alpha[:, 40:] = 100, 255
    image.putalpha(Image.fromarray(alpha))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    white = Image.new("RGBA", image.size, "white")
    expected = np.asarray(Image.alpha_composite(white, image).convert("RGB")).astype(int)
    frame = decode_image(encode(image, kind, **options)).astype(int)
    # Multiplying by alpha in 8 bits, as libtiff does, rounds once more.
    assert np.abs(frame - expected).max() <= 2
    assert np.all(frame[:, :20] == 255)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("TIFF", "RGB")],
)
def test_exif_orientation_is_applied(
    kind: str, mode: str, orientation: int, picture: Frame
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(Image.fromarray(picture).convert(mode), kind, exif=exif, **options)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    frame = decode_image(data)
    assert frame.shape == np.asarray(expected).shape
    assert mean_difference(frame, expected) < 1


def test_a_file_and_its_bytes_give_the_same(picture: Frame, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encode(Image.fromarray(picture), "JPEG"))
    np.testing.assert_array_equal(decode_image(path), decode_image(path.read_bytes()))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_a_cut_off_file_is_an_error_without_noise(
    kind: str, share: float, picture: Frame, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encode(Image.fromarray(picture), kind)
    path = tmp_path / f"cut.{kind.lower()}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FrameError) as caught:
        decode_image(path)
    assert caught.value.path == str(path)
    assert capfd.readouterr().err == ""


def test_a_cut_off_progressive_jpeg_is_an_error(picture: Frame) -> None:
    data = encode(Image.fromarray(picture), "JPEG", progressive=True)
    assert decode_image(data).shape == picture.shape
    with pytest.raises(FrameError, match="cut off"):
        decode_image(data[: len(data) * 8 // 10])


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture(picture: Frame) -> None:
    image = Image.fromarray(picture)
    thumbnail = encode(image.resize((16, 12)), "JPEG")
    data = encode(image, "JPEG")
    segment = b"\xff\xe2" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    with_thumbnail = data[:2] + segment + data[2:]
    np.testing.assert_array_equal(decode_image(with_thumbnail), decode_image(data))
    with pytest.raises(FrameError, match="cut off"):
        decode_image(with_thumbnail[:-40])


def test_bytes_behind_the_end_of_a_jpeg_do_no_harm(picture: Frame) -> None:
    data = encode(Image.fromarray(picture), "JPEG")
    np.testing.assert_array_equal(decode_image(data + b"maker's trailer"), decode_image(data))


def test_a_changed_byte_in_a_png_is_an_error_without_noise(
    picture: Frame, capfd: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(encode(Image.fromarray(picture), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(FrameError, match="damaged"):
        decode_image(bytes(data))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("content", [b"just some text\n" * 20, b"\xff\xd8\xff", b"\0" * 100])
def test_what_is_no_image_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.write_bytes(content)
    with pytest.raises(FrameError) as caught:
        decode_image(path)
    assert caught.value.path == str(path)


def test_empty_absent_and_folder_are_errors(tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    with pytest.raises(FrameError, match="empty"):
        decode_image(empty)
    for path in (tmp_path / "absent.png", tmp_path):
        with pytest.raises(FrameError, match="cannot be read"):
            decode_image(path)


def test_float_pixels_are_refused_with_the_path(tmp_path: Path) -> None:
    path = tmp_path / "depth.tif"
    path.write_bytes(cv2.imencode(".tif", np.zeros((8, 8), np.float32))[1].tobytes())
    with pytest.raises(FrameError, match="number format") as caught:
        decode_image(path)
    assert caught.value.path == str(path)


def test_a_png_that_claims_absurd_size_is_an_error(picture: Frame) -> None:
    data = bytearray(encode(Image.fromarray(picture), "PNG"))
    data[16:24] = struct.pack(">II", 2**30, 2**30)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(FrameError):
        decode_image(bytes(data))


def test_scaled_decode_shrinks_large_jpegs_only() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (18, 32, 3), dtype=np.uint8)
    large: Any = cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC)
    data = encode(Image.fromarray(large), "JPEG", quality=90)
    spec = InputSpec(224, 224, jpeg_decode=JpegDecode.SCALED)
    shrunk = decode_image(data, spec)
    assert shrunk.shape == (360, 640, 3)
    exact = preprocess(decode_image(data), spec)
    assert mean_difference(preprocess(shrunk, spec), exact) < 1
    assert decode_image(data, InputSpec(224, 224)).shape == large.shape
    assert decode_image(data, InputSpec(400, 400, jpeg_decode=JpegDecode.SCALED)).shape == (
        720,
        1280,
        3,
    )
    # A letterbox of 1280x720 in 224x224 is 126 pixels high: five times too large.
    letterbox = InputSpec(224, 224, aspect=Aspect.LETTERBOX, jpeg_decode=JpegDecode.SCALED)
    assert decode_image(data, letterbox).shape == (180, 320, 3)


def test_scaled_decode_minds_the_orientation() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    data = encode(Image.new("RGB", (800, 200), "red"), "JPEG", exif=exif)
    # Upright it is 200 wide and 800 high; lying it would seem four times too large in width.
    spec = InputSpec(150, 100, jpeg_decode=JpegDecode.SCALED)
    assert decode_image(data, spec).shape == (800, 200, 3)


def test_the_log_level_is_restored_when_threads_decode(picture: Frame) -> None:
    home: Any = cv2 if hasattr(cv2, "getLogLevel") else cv2.utils.logging
    before = home.getLogLevel()
    data = encode(Image.fromarray(picture), "BMP")

    def refused(part: bytes) -> bool:
        try:
            decode_image(part)
        except FrameError:
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(refused, [data, data[:500]] * 40))
    assert results == [False, True] * 40
    assert home.getLogLevel() == before


def test_bits_are_scaled_as_the_contract_says_and_values_above_are_noted() -> None:
    deep = np.array([[0, 2048, 4095]], np.uint16)
    data = cv2.imencode(".png", deep)[1].tobytes()
    dark = read_image(data)
    assert dark.frame[0, :, 0].tolist() == [0, 8, 15] and dark.largest == 4095
    right = read_image(data, InputSpec(8, 8, bits=12))
    assert right.frame[0, :, 0].tolist() == [0, 128, 255] and right.notes == ()
    cut = read_image(data, InputSpec(8, 8, bits=10))
    assert cut.frame[0, :, 0].tolist() == [0, 255, 255]
    assert [note.kind for note in cut.notes] == [NoteKind.CLIPPED]
    assert "4095" in cut.notes[0].text


def test_alpha_does_not_count_as_a_value_of_16_bits() -> None:
    deep = np.full((4, 4, 4), 65535, np.uint16)
    deep[..., :3] = 4095
    image = read_image(cv2.imencode(".png", deep)[1].tobytes(), InputSpec(8, 8, bits=12))
    assert image.largest == 4095 and image.notes == ()
    assert image.frame.min() == 255


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF"])
def test_an_image_without_a_visible_pixel_is_noted(kind: str, picture: Frame) -> None:
    image = Image.fromarray(picture)
    image.putalpha(0)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    (note,) = read_image(encode(image, kind, **options)).notes
    assert note.kind == NoteKind.TRANSPARENT
    seen = Image.fromarray(picture)
    seen.putalpha(1)
    if kind != "GIF":
        assert read_image(encode(seen, kind, **options)).notes == ()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_the_content_decides_and_not_the_name(kind: str, picture: Frame, tmp_path: Path) -> None:
    data = encode(Image.fromarray(picture), kind)
    path = tmp_path / "misnamed.heic"
    path.write_bytes(data)
    np.testing.assert_array_equal(decode_image(path), decode_image(data))


def test_a_lack_of_memory_is_the_error_of_that_file(
    picture: Frame, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cv2, "imdecode", exhausted)
    path = tmp_path / "large.bmp"
    path.write_bytes(encode(Image.fromarray(picture), "BMP"))
    with pytest.raises(FrameError, match="memory does not suffice") as caught:
        decode_image(path)
    assert caught.value.path == str(path)


def test_what_opencv_cannot_convert_is_the_error_of_that_file(
    picture: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(Image.fromarray(picture), "BMP")

    def refused(*_: object) -> None:
        raise cv2.error("no memory")

    monkeypatch.setattr(cv2, "cvtColor", refused)
    with pytest.raises(FrameError, match="OpenCV cannot convert"):
        decode_image(data)
