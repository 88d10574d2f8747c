"""The files of the torture folder: what lies in the folders of real users, one function per kind.

Each kind states what every verb must do with it: ``answer`` it, report an ``error``, or ``pass`` it
over. A kind writes one entry that is not a folder, and names it.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

Outcome = Literal["answer", "error", "pass"]
_SIDE = 48


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: What it is, in a few words.
        file: File name; ``{}`` becomes a number. Bytes that are not UTF-8 are surrogates.
        content: Its bytes, from a random generator; or a function that makes the entry itself.
        read: What `check` and `predict` do with it.
        watched: What `watch` does with it, where that differs.
    """

    name: str
    file: str
    content: Callable[[np.random.Generator], bytes] | None
    read: Outcome
    watched: Outcome | None = None
    entry: Callable[[Path, Path], None] | None = None

    def outcome(self, verb: str) -> Outcome:
        """What a verb must do with it."""
        return self.watched or self.read if verb == "watch" else self.read


def image(random: np.random.Generator) -> Image.Image:
    """A small image unlike all others."""
    coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    pixels: Any = cv2.resize(coarse, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    return Image.fromarray(pixels)


def saved(kind: str, mode: str = "RGB", **options: Any) -> Callable[[np.random.Generator], bytes]:
    """A whole image file as Pillow writes it."""

    def content(random: np.random.Generator) -> bytes:
        file = io.BytesIO()
        image(random).convert(mode).save(file, kind, **options)
        return file.getvalue()

    return content


def pages(kind: str) -> Callable[[np.random.Generator], bytes]:
    """A file of two pages or frames."""

    def content(random: np.random.Generator) -> bytes:
        file = io.BytesIO()
        more = {"save_all": True, "append_images": [image(random)]}
        image(random).save(file, kind, **more)
        return file.getvalue()

    return content


def grey_16(suffix: str) -> Callable[[np.random.Generator], bytes]:
    """A 16-bit grey file."""

    def content(random: np.random.Generator) -> bytes:
        pixels = random.integers(0, 65536, (_SIDE, _SIDE), dtype=np.uint16)
        return bytes(cv2.imencode(suffix, pixels)[1])

    return content


def cut(
    whole: Callable[[np.random.Generator], bytes], end: bytes = b""
) -> Callable[[np.random.Generator], bytes]:
    """The first half of a file, perhaps closed with an end marker."""
    return lambda random: (data := whole(random))[: len(data) // 2] + end


def hollow(random: np.random.Generator) -> bytes:
    """A JPEG file whose scan is zeros from its middle on, as after an interrupted copy.

    The image is larger than the others: in a few hundred bytes, zeros can be valid codes for the
    right number of blocks, which no decoder can tell from an image.
    """
    file = io.BytesIO()
    image(random).resize((4 * _SIDE, 4 * _SIDE)).save(file, "JPEG", quality=95)
    data = bytearray(file.getvalue())
    middle, end = len(data) // 2, len(data) - 2
    data[middle:end] = bytes(end - middle)
    return bytes(data)


def with_fill_bytes(random: np.random.Generator) -> bytes:
    """A JPEG file with fill bytes before a marker (T.81, B.1.1.2), as some cameras write."""
    data = saved("JPEG")(random)
    table = data.index(b"\xff\xdb")
    return data[:table] + b"\xff" * 7 + data[table:]


def turned(random: np.random.Generator) -> bytes:
    """A JPEG file with an EXIF orientation."""
    exif = Image.Exif()
    exif[0x0112] = int(random.integers(2, 9))
    return saved("JPEG", exif=exif)(random)


def wrong_checksum(random: np.random.Generator) -> bytes:
    """A PNG file with a flipped bit in its pixels."""
    data = bytearray(saved("PNG")(random))
    data[data.index(b"IDAT") + 20] ^= 1
    return bytes(data)


def immense_jpeg(random: np.random.Generator) -> bytes:
    """A small JPEG file whose header states 65,500 x 65,500 pixels."""
    data = bytearray(saved("JPEG")(random))
    frame = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, 65500, 65500)
    return bytes(data)


def immense_png(random: np.random.Generator) -> bytes:
    """A PNG file whose header states 200,000 x 200,000 pixels."""
    data = bytearray(saved("PNG")(random))
    struct.pack_into(">II", data, 16, 200_000, 200_000)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    return bytes(data)


def mjpeg_clip(random: np.random.Generator) -> bytes:
    """A clip of three frames, written by OpenCV."""
    path = Path(f"/tmp/torture-{os.getpid()}.avi")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (_SIDE, _SIDE))
    for _ in range(3):
        writer.write(np.asarray(image(random)))
    writer.release()
    data = path.read_bytes()
    path.unlink()
    return data


def text(words: bytes) -> Callable[[np.random.Generator], bytes]:
    """The same bytes each time."""
    return lambda random: words


def link_to(target: str) -> Callable[[Path, Path], None]:
    """A symbolic link; ``{root}`` is the torture folder."""
    return lambda path, root: path.symlink_to(target.format(root=root))


def pipe(path: Path, root: Path) -> None:
    """A named pipe, which blocks whoever opens it."""
    os.mkfifo(path)


def _tiff_orientation() -> ImageFileDirectory_v2:
    tags = ImageFileDirectory_v2()
    tags[274] = 6
    return tags


JPEG, PNG = saved("JPEG"), saved("PNG")
KINDS = (
    Kind("JPEG", "{}.jpg", JPEG, "answer"),
    Kind("grey JPEG", "grey{}.jpg", saved("JPEG", "L"), "answer"),
    Kind("CMYK JPEG", "cmyk{}.jpg", saved("JPEG", "CMYK"), "answer"),
    Kind("progressive JPEG", "prog{}.jpeg", saved("JPEG", progressive=True), "answer"),
    Kind("JPEG with orientation", "turned{}.jpg", turned, "answer"),
    Kind("JPEG with fill bytes", "fill{}.jpg", with_fill_bytes, "answer"),
    Kind("JPEG and more behind it", "tail{}.jpg", lambda r: JPEG(r) + b"\0" * 999, "answer"),
    Kind("JPEG with restarts", "r{}.jpg", saved("JPEG", restart_marker_rows=1), "answer"),
    Kind("JPEG named .jfif", "{}.jfif", JPEG, "answer"),
    Kind("JPEG named .JPE", "{}.JPE", JPEG, "answer"),
    Kind("PNG", "{}.png", PNG, "answer"),
    Kind("palette PNG", "p{}.png", saved("PNG", "P"), "answer"),
    Kind("PNG with alpha", "a{}.png", saved("PNG", "RGBA"), "answer"),
    Kind("1-bit PNG", "one{}.png", saved("PNG", "1"), "answer"),
    Kind("16-bit PNG", "deep{}.png", grey_16(".png"), "answer"),
    Kind("BMP", "{}.bmp", saved("BMP"), "answer"),
    Kind("BMP named .dib", "{}.dib", saved("BMP"), "answer"),
    Kind("TIFF", "{}.tif", saved("TIFF"), "answer"),
    Kind("TIFF with orientation", "t{}.tif", saved("TIFF", tiffinfo=_tiff_orientation()), "answer"),
    Kind("TIFF of two pages", "two{}.tiff", pages("TIFF"), "answer"),
    Kind("16-bit TIFF", "deep{}.tiff", grey_16(".tiff"), "answer"),
    Kind("WebP", "{}.webp", saved("WEBP"), "answer"),
    Kind("WebP with alpha", "a{}.webp", saved("WEBP", "RGBA", lossless=True), "answer"),
    Kind("GIF", "{}.gif", saved("GIF", "P"), "answer"),
    Kind("animated GIF", "anim{}.gif", pages("GIF"), "answer"),
    Kind("AVIF", "{}.avif", saved("AVIF"), "answer"),
    Kind("PGM", "{}.pgm", saved("PPM", "L"), "answer"),
    Kind("PPM", "{}.ppm", saved("PPM"), "answer"),
    Kind("PBM", "{}.pbm", saved("PPM", "1"), "answer"),
    Kind("PNG named .jpg", "png{}.jpg", PNG, "answer"),
    Kind("name in Latin-1", os.fsdecode(b"\xfcber{}.jpg"), JPEG, "answer"),
    Kind("name with a line end", "line\n{}.jpg", JPEG, "answer"),
    Kind("name with markup", "[red]<b>'{}\".jpg", JPEG, "answer"),
    Kind("name with a terminal code", "\x1b[31m{}.jpg", JPEG, "answer"),
    Kind("name of 250 bytes", "n" * 240 + "{}.jpg", JPEG, "answer"),
    Kind("name in another script", "部品 🚦{}.jpg", JPEG, "answer"),
    Kind("name in decomposed form", "u\u0308ber{}.jpg", JPEG, "answer"),
    Kind("name like an option", "--out={}.jpg", JPEG, "answer"),
    Kind("name like a pattern", "[a-z]*{}.jpg", JPEG, "answer"),
    Kind("link to an image inside", "link{}.jpg", None, "answer", "pass", link_to("{root}/1.jpg")),
    Kind("empty file", "empty{}.jpg", text(b""), "error"),
    Kind("half a JPEG", "half{}.jpg", cut(JPEG), "error"),
    Kind("half a JPEG with an end", "closed{}.jpg", cut(JPEG, b"\xff\xd9"), "error"),
    Kind("JPEG with a hole", "hole{}.jpg", hollow, "error"),
    Kind("half a PNG", "half{}.png", cut(PNG), "error"),
    Kind("PNG with a wrong checksum", "crc{}.png", wrong_checksum, "error"),
    Kind("half a TIFF", "half{}.tif", cut(saved("TIFF")), "error"),
    Kind("half a WebP", "half{}.webp", cut(saved("WEBP")), "error"),
    Kind("half a PPM", "half{}.ppm", cut(saved("PPM")), "error"),
    Kind("immense JPEG", "immense{}.jpg", immense_jpeg, "error"),
    Kind("immense PNG", "immense{}.png", immense_png, "error"),
    Kind("web page named .jpg", "page{}.jpg", text(b"<html>404 Not Found</html>"), "error"),
    Kind("zeros named .png", "zeros{}.png", text(bytes(3000)), "error"),
    Kind("archive named .png", "zip{}.png", text(b"PK\3\4" + bytes(100)), "error"),
    Kind("text", "notes{}.txt", text(b"checked by Ann"), "pass"),
    Kind("no extension", "README{}", text(b"read me"), "pass"),
    Kind("JSON", "{}.json", text(b"{}"), "pass"),
    Kind("raw of a camera", "{}.CR2", text(b"II*\0" + bytes(60)), "pass"),
    Kind("clip", "clip{}.avi", mjpeg_clip, "pass", "answer"),
    Kind("download under way", "{}.jpg.part", JPEG, "pass"),
    Kind("twin of a Mac", "._{}.jpg", text(b"\0\5\x16\7" + bytes(80)), "pass"),
    Kind("hidden image", ".{}.jpg", JPEG, "pass"),
    Kind("thumbnail of a NAS", "@eaDir/{}.jpg", JPEG, "pass"),
    Kind("thumbnail of an archive", "__MACOSX/{}.jpg", JPEG, "pass"),
    Kind("recycled image", "#recycle/{}.jpg", JPEG, "pass"),
    Kind("image in a notebook's folder", ".ipynb_checkpoints/{}.jpg", JPEG, "pass"),
    Kind("link that leads nowhere", "gone{}.jpg", None, "pass", None, link_to("nowhere")),
    Kind("link that leads out", "out{}.jpg", None, "pass", None, link_to("/etc/hostname")),
    Kind("link to a folder above", "up{}", None, "pass", None, link_to("{root}")),
    Kind("pipe named .jpg", "pipe{}.jpg", None, "pass", None, pipe),
)


def write_folder(root: Path, folders: tuple[str, ...], files: int, seed: int) -> dict[str, Kind]:
    """Fill a new folder; the kinds take turns, nested up to four folders deep.

    Args:
        root: The folder to make.
        folders: Top folders, e.g. the classes.
        files: How many entries that are not folders.
        seed: Of the content and of the places.

    Returns:
        ``{path relative to the root: kind}``.
    """
    random = np.random.default_rng(seed)
    root.mkdir(parents=True)
    first = folders[0] if folders else "."
    written = {str(Path(first, "1.jpg")): KINDS[0]}
    (root / first).mkdir(exist_ok=True)
    (root / first / "1.jpg").write_bytes(JPEG(random))
    for number in range(2, files + 1):
        kind = KINDS[number % len(KINDS)]
        depth = int(random.integers(0, 4))
        top = folders[int(random.integers(len(folders)))] if folders else "."
        deeper = [f"d{random.integers(3)}" for _ in range(depth)]
        path = Path(top, *deeper, kind.file.replace("{}", str(number)))
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if kind.entry is not None:
            kind.entry(root / path, root / first)
        elif kind.content is not None:
            (root / path).write_bytes(kind.content(random))
        written[str(path)] = kind
    return written
