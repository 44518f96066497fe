"""Pictures of anybody: what is opened, and that a part of one is the same however it is stored, with little memory."""

from __future__ import annotations

import io
import os
import socket
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atlas import photos
from atlas.photos import Unusable, opened, part, rgb, shown, upright_size
from atlas.schema import AtlasError


def natural(size: tuple[int, int], seed: int = 0) -> Image.Image:
    grid = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)


def png(width: int, height: int) -> bytes:
    """Return a PNG of one colour, larger than anybody could decode it, in a few hundred kilobytes."""
    rows = zlib.compressobj(9)
    body = b"".join([*(rows.compress(bytes(1 + 3 * width)) for _ in range(height)), rows.flush()])
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def why_not(path: Path) -> str:
    with pytest.raises(AtlasError) as refused, shown(path, path.name):
        pass
    return str(refused.value)


def test_only_regular_files_are_opened_and_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(str(tmp_path / "socket.png"))
        assert why_not(tmp_path / "socket.png") == "socket.png cannot be shown: not a regular file."
    assert why_not(tmp_path / "pipe.png") == "pipe.png cannot be shown: not a regular file."
    assert why_not(tmp_path / "folder.png") == "folder.png cannot be shown: Is a directory."
    assert why_not(Path("/dev/zero")) == "zero cannot be shown: not a regular file."
    assert why_not(tmp_path / "none.png") == "none.png cannot be shown: No such file or directory."


def test_no_other_format_is_decoded_whatever_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "program.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 50 50\nshowpage\n")
    natural((40, 40)).save(tmp_path / "pixels.png", "PPM")
    for name in ("program.png", "pixels.png"):
        assert why_not(tmp_path / name) == f"{name} cannot be shown: not an image."


def test_the_size_is_read_before_anything_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png(11_000, 11_000))
    expected = "bomb.png cannot be shown: too large (11000×11000 pixels, at most 100 million are read)."
    assert why_not(tmp_path / "bomb.png") == expected
    with (tmp_path / "long.webp").open("wb") as stream:
        stream.write(b"RIFF\0\0\0\0WEBPVP8 ")
        stream.truncate(photos.LARGEST_BYTES + 1)
    assert why_not(tmp_path / "long.webp") == f"long.webp cannot be shown: too large ({photos.LARGEST_BYTES + 1} bytes)."


def test_a_damaged_picture_is_one_line(tmp_path: Path) -> None:
    stream = io.BytesIO()
    natural((200, 200)).save(stream, "JPEG")
    (tmp_path / "half.jpg").write_bytes(stream.getvalue()[:900])
    with (
        pytest.raises(AtlasError, match=r"^half.jpg cannot be shown: image file is truncated .*\.$"),
        shown(tmp_path / "half.jpg", "half.jpg") as image,
    ):
        part(image, (0, 0, 200, 200), (96, 96))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("box", [(0, 0, 90, 130), (10, 25, 70, 85), (-20, 0, 110, 130)])
def test_a_part_is_that_of_the_upright_photo_however_the_camera_lay(
    tmp_path: Path, orientation: int, box: tuple[int, int, int, int]
) -> None:
    upright = natural((90, 130))
    lying = {turn: back for turn, back in ((6, 8), (8, 6))}.get(orientation, orientation)
    turn = photos.UPRIGHT.get(lying)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (upright if turn is None else upright.transpose(turn)).save(tmp_path / "photo.png", exif=exif)
    with opened(tmp_path / "photo.png") as image:
        assert upright_size(image) == (90, 130)
        found = part(image, box, (48, 48))
    expected = upright.crop(box).resize((48, 48), Image.Resampling.BICUBIC)
    difference = np.abs(np.asarray(found, int) - np.asarray(expected, int))
    assert difference[2:-2, 10:-10].max() <= 2  # a filter sees beyond the edge of a box
    if box[0] < 0:
        assert not np.asarray(found)[:, :5].any()


def test_bands_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    natural((700, 500)).save(tmp_path / "photo.png")
    with opened(tmp_path / "photo.png") as image:
        whole = part(image, (33, 21, 601, 473), (96, 80))
    monkeypatch.setattr(photos, "_BAND", 40_000)
    with opened(tmp_path / "photo.png") as image:
        banded = part(image, (33, 21, 601, 473), (96, 80))
    assert np.abs(np.asarray(whole, int) - np.asarray(banded, int)).max() <= 1
    plain = natural((700, 500)).resize((96, 80), Image.Resampling.BICUBIC, box=(33, 21, 601, 473))
    assert np.abs(np.asarray(whole, int) - np.asarray(plain, int)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "I;16", "1"])
def test_every_kind_of_pixels_looks_as_it_does_to_the_network(tmp_path: Path, mode: str) -> None:
    image = natural((300, 200)).convert("L" if mode == "I;16" else "RGBA" if mode in {"LA", "RGBA"} else "RGB")
    if mode in {"LA", "RGBA"}:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image, np.uint16) * 257)
    kept = image if image.mode == mode else image.convert(mode)
    kept.save(tmp_path / "photo.tif")
    with Image.open(tmp_path / "photo.tif") as stored:
        expected = rgb(stored).resize((60, 40), Image.Resampling.BICUBIC)
    with opened(tmp_path / "photo.tif") as stored:
        found = part(stored, (0, 0, 300, 200), (60, 40))
    assert np.abs(np.asarray(found, int) - np.asarray(expected, int)).max() <= 1


def test_a_box_of_any_size_is_cut_to_the_photo(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100), "white").save(tmp_path / "photo.png")
    for box, light in (((0, 0, 10**9, 10**9), 0), ((-50, -50, 150, 150), 8 * 8), ((5, 5, 5, 5), 0), ((900, 0, 950, 50), 0)):
        with opened(tmp_path / "photo.png") as image:
            assert (np.asarray(part(image, box, (16, 16)))[..., 0] > 200).sum() == light


def test_large_pictures_are_decoded_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "_LARGE", 10_000)
    path = tmp_path / "photo.png"
    Image.new("L", (200, 200)).save(path)
    entered = threading.Event()

    def another() -> None:
        with opened(path):
            entered.set()

    with opened(path):
        thread = threading.Thread(target=another)
        thread.start()
        assert not entered.wait(0.3)
    thread.join(5)
    assert entered.is_set()


_PEAK = """
import resource, sys
from pathlib import Path
from atlas.photos import opened, part, upright_size
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with opened(Path(sys.argv[1])) as image:
    part(image, (0, 0, *upright_size(image)), (448, 448))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1000)
"""


def test_a_photo_of_100_megapixels_takes_little_beside_its_pixels(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png(10_000, 10_000))
    command = [sys.executable, "-c", _PEAK, str(tmp_path / "large.png")]
    assert int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) < 400 + 120


def test_a_pixel_without_a_range_is_refused() -> None:
    with pytest.raises(Unusable, match="no known range"):
        rgb(Image.new("F", (4, 4)))
