from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from atlas.format import problems
from tests.atlas.format.rows import TENCH


def encoded(kind: str = "WEBP", size: tuple[int, int] = (8, 8), **settings: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, "red").save(stream, kind, **settings)
    return stream.getvalue()


def claiming(width: int, height: int) -> bytes:
    """Return a WebP picture whose head tells of more pixels than it has."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + canvas + encoded(lossless=True)[12:]
    return b"RIFF" + len(body).to_bytes(4, "little") + body


PICTURES: dict[str, tuple[bytes, str]] = {
    "PNG": (encoded("PNG"), "no WebP picture"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit\n", "no WebP picture"),
    "nothing": (b"", "no WebP picture"),
    "animated": (
        encoded(save_all=True, append_images=[Image.new("RGB", (8, 8), "blue")], duration=40),
        "a picture of 2 frames, not one",
    ),
    "huge": (claiming(1 << 24, 1 << 24), "a picture of 16777216 × 16777216 pixels, more than 100 million"),
}


@pytest.mark.parametrize("what", PICTURES)
def test_a_picture_that_is_none_is_told(tmp_path: Path, made: Any, what: str) -> None:
    made.write(tmp_path / "b", made.of_class(made.TENCH))
    content, said = PICTURES[what]
    name = f"pictures/{TENCH}/00.webp"
    (tmp_path / "b" / name).write_bytes(content)
    made.seal(tmp_path / "b", name)
    assert problems(tmp_path / "b") == [f"{name}: {said}"]


def test_a_picture_that_ends_too_soon_is_told(tmp_path: Path, made: Any) -> None:
    made.write(tmp_path / "b", made.of_class(made.TENCH))
    name = f"pictures/{TENCH}/class.webp"
    (tmp_path / "b" / name).write_bytes(encoded(size=(64, 64), quality=90)[:-40])
    made.seal(tmp_path / "b", name)
    (said,) = problems(tmp_path / "b")
    assert said.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pictures/n02012849/class.webp", "of a class that there is not"),
        (f"pictures/{TENCH}/07-heat.webp", "of a concept that there is not"),
        ("pictures/readme.html", "no file of an atlas"),
    ],
)
def test_a_picture_of_what_is_not_there_is_told(tmp_path: Path, made: Any, name: str, said: str) -> None:
    root = tmp_path / "b"
    made.write(root, made.of_class(made.TENCH))
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_bytes(made.picture("another"))
    made.seal(root, name)
    assert problems(root) == [f"{name}: {said}"]
