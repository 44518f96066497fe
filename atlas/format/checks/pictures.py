"""Is every picture of an atlas one that a browser shows? WebP, of a sane size, without movement, and whole to its last pixel."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from atlas.format import paths

LARGEST_PIXELS = 100_000_000
LARGEST_BYTES = 100_000_000
#: Decoding one leaves the interpreter to others: two take half the time of one, and a large one keeps a thread at most.
_AT_ONCE = 2


def size(head: bytes) -> tuple[int, int] | None:
    """Return width and height of a WebP picture from its first 30 bytes; None of anything else."""
    kind, data = head[12:16], head[20:30]
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP" or len(data) < 10:
        return None
    if kind == b"VP8X":
        return int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF


def spoilt(root: Path, names: list[str]) -> Iterator[str]:
    """Find the pictures that are none, a sentence each; every one is decoded."""
    with warnings.catch_warnings(), ThreadPoolExecutor(_AT_ONCE) as pool:
        warnings.simplefilter("ignore")  # Pillow's remarks on large pictures: the largest are refused here
        for name, wrong in zip(names, pool.map(lambda name: _wrong(root, name), names), strict=True):
            if wrong:
                yield f"{name}: {wrong}"


def _wrong(root: Path, name: str) -> str:
    with paths.opened(root, name) as stream:
        content = stream.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        return f"a picture of more than {LARGEST_BYTES // 1_000_000} MB"
    declared = size(content[:30])
    if declared is None:
        return "no WebP picture"
    if declared[0] * declared[1] > LARGEST_PIXELS:
        return f"a picture of {declared[0]} × {declared[1]} pixels, more than {LARGEST_PIXELS // 1_000_000} million"
    try:
        with Image.open(BytesIO(content), formats=("WEBP",)) as image:
            image.load()
            return _odd(image, declared)
    except UnidentifiedImageError:
        return "no WebP picture"
    except Exception as error:  # whatever its decoder makes of it
        return f"a picture that cannot be decoded ({' '.join(str(error).split())})"


def _odd(image: Image.Image, declared: tuple[int, int]) -> str:
    if getattr(image, "n_frames", 1) > 1:
        return f"a picture of {image.n_frames} frames, not one"  # type: ignore[attr-defined]  # of formats that have frames
    return "" if image.size == declared else f"a picture of {image.size}, declared as {declared}"
