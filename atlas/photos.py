"""The one way to open a picture that anybody may have made: what it is gets checked before anything is decoded.

Only regular files are opened, so that a pipe or a device keeps nobody waiting. Only the formats named are decoded, whatever a
name says: Pillow would start Ghostscript for PostScript. The size is read from the header first, and large pictures are decoded
one at a time.
"""

from __future__ import annotations

import errno
import io
import math
import os
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from atlas.schema import AtlasError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
LARGEST_PIXELS = 100_000_000
#: Some decoders read a file as a whole before they know what it holds.
LARGEST_BYTES = 500_000_000
#: From so many pixels, or bytes, on a picture is decoded alone: sixteen of 100 megapixels at once would take 10 GB.
_LARGE = 20_000_000
_one_large = threading.Lock()
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
#: Pixels that are converted at once.
_BAND = 2_000_000
#: The hint at pictures of an atlas, which its maker wrote.
CHECK = "; run `atlas check` on its atlas"
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Stream = io.BufferedReader | io.BytesIO
Box = tuple[float, float, float, float]  # left, top, right, bottom


class Unusable(ValueError):
    """A file that cannot serve as a picture; the message says why."""


def regular(path: Path) -> Stream:
    """Open a regular file for reading; nothing else is waited for.

    Raises:
        Unusable: it is a pipe, a device or a socket.
        OSError: it cannot be opened, or is a folder.
    """
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise Unusable("not a regular file") from error
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise Unusable("not a regular file")


@contextmanager
def opened(content: Path | Stream) -> Iterator[Image.Image]:
    """Open a picture whose header is good; it is decoded inside the context, a large one while no other large one is.

    Raises:
        Unusable: it is too large, or no regular file.
        UnidentifiedImageError: it is none of the formats.
        OSError: it cannot be read. Decoders raise many other kinds, down to struct.error.
    """
    with ExitStack() as alone, ExitStack() as stack:  # alone until its pixels are freed
        stream = regular(content) if isinstance(content, Path) else content
        if isinstance(content, Path):
            stack.callback(stream.close)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if size > LARGEST_BYTES:
            raise Unusable(f"too large ({size} bytes)")
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata; a bomb is refused below
        if size > _LARGE:
            alone.enter_context(_one_large)
        image = Image.open(stream, formats=FORMATS)
        stack.callback(image.close)
        if image.width * image.height > LARGEST_PIXELS:
            found = f"{image.width}×{image.height} pixels, at most {LARGEST_PIXELS // 1_000_000} million are read"
            raise Unusable(f"too large ({found})")
        if image.width * image.height > _LARGE >= size:
            alone.enter_context(_one_large)
        yield image


@contextmanager
def shown(content: Path | Stream, name: str, hint: str = "") -> Iterator[Image.Image]:
    """Open a picture as ``opened`` does; whatever is wrong with it is said in one line, with a hint at its end.

    Raises:
        AtlasError: it cannot be shown.
    """
    try:
        with opened(content) as image:
            yield image
    except (AtlasError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise AtlasError(f"{name} cannot be shown: not an image{hint}.") from error
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise AtlasError(f"{name} cannot be shown: {reason}{hint}.") from error


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of a picture as its camera held it."""
    return (image.height, image.width) if _orientation(image) >= 5 else image.size


def part(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    """Return a part of an opened picture, upright, RGB and small; beside its pixels it takes hardly any memory.

    A JPEG is decoded no larger than that needs. The stored pixels are turned, cut and converted once they are small.

    Args:
        image: opened, and not decoded yet.
        box: in pixels of the upright picture; what lies outside of it is black.
        size: width and height of the result.
    """
    orientation = _orientation(image)
    whole = upright_size(image)
    result = Image.new("RGB", size)
    held = _clipped(box, whole)
    if held[0] >= held[2] or held[1] >= held[3]:
        return result
    left, top, right, bottom = place = _pixels(_scaled(held, box, size))
    if left >= right or top >= bottom:
        return result
    stored = _as_stored(_unscaled(place, box, size), whole, orientation)
    target = (bottom - top, right - left) if orientation >= 5 else (right - left, bottom - top)
    before = image.size
    image.draft(None, _wanted(before, stored, target))
    x, y = image.width / before[0], image.height / before[1]
    found = _resized(image, (stored[0] * x, stored[1] * y, stored[2] * x, stored[3] * y), target)
    turn = UPRIGHT.get(orientation)
    result.paste(found if turn is None else found.transpose(turn), (left, top))
    return result


def rgb(image: Image.Image, *, deep: bool | None = None) -> Image.Image:
    """Return decoded pixels as RGB on white: CMYK, palettes and transparency are converted, 16-bit grey is scaled to 8 bits.

    Args:
        image: decoded.
        deep: whether grey of more than 8 bits goes beyond 255; None: look.

    Raises:
        Unusable: the pixels have no known range.
    """
    if image.mode.startswith("I"):
        grey = np.asarray(image, np.int64)
        deep = grey.max() > 255 if deep is None else deep
        image = Image.fromarray((grey >> 8 if deep else grey).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        raise Unusable("floating-point pixels have no known range")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    with suppress(Exception):  # broken EXIF: keep the orientation as it is
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
        return found if found in UPRIGHT else 1
    return 1


def _clipped(box: Box, size: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    return max(left, 0.0), max(top, 0.0), min(right, float(size[0])), min(bottom, float(size[1]))


def _scaled(inner: Box, outer: Box, size: tuple[int, int]) -> Box:
    """Return where a box lies in a picture of another box that has this size."""
    x, y = size[0] / (outer[2] - outer[0]), size[1] / (outer[3] - outer[1])
    left, top = outer[:2]
    return (inner[0] - left) * x, (inner[1] - top) * y, (inner[2] - left) * x, (inner[3] - top) * y


def _unscaled(inner: Box, outer: Box, size: tuple[int, int]) -> Box:
    """Return which box is shown at a place of a picture of another box that has this size."""
    x, y = (outer[2] - outer[0]) / size[0], (outer[3] - outer[1]) / size[1]
    left, top = outer[:2]
    return left + inner[0] * x, top + inner[1] * y, left + inner[2] * x, top + inner[3] * y


def _pixels(box: Box) -> tuple[int, int, int, int]:
    """Return the whole pixels inside of a box."""
    left, top, right, bottom = (round(edge, 6) for edge in box)
    return math.ceil(left), math.ceil(top), math.floor(right), math.floor(bottom)


def _as_stored(box: Box, upright: tuple[int, int], orientation: int) -> Box:
    """Return where a box of the upright picture lies among its stored pixels."""
    (left, top, right, bottom), (width, height) = box, upright
    return {
        2: (width - right, top, width - left, bottom),
        3: (width - right, height - bottom, width - left, height - top),
        4: (left, height - bottom, right, height - top),
        5: (top, left, bottom, right),
        6: (top, width - right, bottom, width - left),
        7: (height - bottom, width - right, height - top, width - left),
        8: (height - bottom, left, height - top, right),
    }.get(orientation, box)


def _wanted(size: tuple[int, int], box: Box, target: tuple[int, int]) -> tuple[int, int]:
    """Return how large a whole picture needs to be for a part of it to have twice the pixels that it is shown with."""
    scale = min(1.0, 2 * max(target[0] / (box[2] - box[0]), target[1] / (box[3] - box[1])))
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def _resized(image: Image.Image, box: Box, size: tuple[int, int]) -> Image.Image:
    """Return a part of a picture in another size, as ``resize`` with ``box`` would, converted band by band."""
    image.seek(0)
    image.load()
    deep = image.mode.startswith("I") and _deep(image)
    box = _clipped(box, image.size)  # rounding may have led a hair out of it
    x, y = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    reach = 3 * max(x, y, 1.0)  # of the filter, to either side
    left, right = max(0, int(box[0] - reach)), min(image.width, int(box[2] + reach) + 1)
    rows = max(1, int((_BAND / (right - left) - 2 * reach) / y))
    result = Image.new("RGB", size)
    for first in range(0, size[1], rows):
        n = min(rows, size[1] - first)
        start, end = box[1] + first * y, box[1] + (first + n) * y
        top, bottom = max(0, int(start - reach)), min(image.height, int(end + reach) + 1)
        band = rgb(image.crop((left, top, right, bottom)), deep=deep)
        inner = (box[0] - left, start - top, min(box[2] - left, band.width), min(end - top, band.height))
        result.paste(band.resize((size[0], n), Image.Resampling.BICUBIC, box=inner), (0, first))
    return result


def _deep(image: Image.Image) -> bool:
    rows = max(1, _BAND // image.width)
    bands = (image.crop((0, top, image.width, min(top + rows, image.height))) for top in range(0, image.height, rows))
    return any(np.asarray(band, np.int64).max() > 255 for band in bands)
