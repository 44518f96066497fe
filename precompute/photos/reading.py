"""One photograph, from its bytes to upright RGB, or the reason why not."""

from __future__ import annotations

import functools
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError

from atlas.photos import LARGEST_BYTES, UPRIGHT, Stream, Unusable, opened, regular, rgb
from atlas.schema import AtlasError
from precompute.photos.photo import UNREAD, Photo
from precompute.photos.transient import is_transient

Found = TypeVar("Found")

SMALLEST_SIDE = 32
LARGEST_RATIO = 50  # of the sides


def read(photo: Photo | Path) -> Image.Image:
    """Return a photo as upright RGB.

    16-bit grey is scaled to 8 bits, the first frame of an animation is taken, CMYK, palettes and transparency are converted.

    Raises:
        Unusable: the file cannot be used; the message says why.
        AtlasError: the disk or the machine fails, so that nothing is known of the file.
    """
    return _opened(photo, _upright_rgb)


def thumbnail(photo: Photo | Path, side: int) -> UInt8[np.ndarray, "side side"]:
    """Return a photo as a small upright grey square, whatever its shape; a JPEG is decoded no larger than that needs.

    Raises:
        Unusable, AtlasError: as ``read``.
    """
    return _opened(photo, functools.partial(_small_grey, side=side))


def sha256(photo: Photo | Path) -> str:
    """Return the hash of a photo's bytes.

    Raises:
        Unusable, AtlasError: as ``read``.
    """
    with _explained(photo), _content(photo) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _opened(photo: Photo | Path, use: Callable[[Image.Image], Found]) -> Found:
    """Return what is made of a photo, once its header has been found good."""
    with _explained(photo), _content(photo) as stream, opened(stream) as image:
        _check_format(image, photo)
        _check_size(image)
        return use(image)


@contextmanager
def _explained(photo: Photo | Path) -> Iterator[None]:
    """Say of whatever goes wrong whether the file is to blame (Unusable) or nothing is known of it (AtlasError)."""
    try:
        yield
    except (Unusable, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise Unusable(_named_format(photo) or "not an image") from error
    except Exception as error:  # decoders raise many kinds, down to struct.error
        if is_transient(error) or _vanished(photo, error):
            raise AtlasError(f"{_name(photo)} cannot be read just now ({getattr(error, 'strerror', error)}).") from error
        if isinstance(error, OSError) and error.strerror:
            raise Unusable(f"cannot be read ({error.strerror})") from error
        raise Unusable(f"corrupt image ({str(error) or type(error).__name__})") from error


def _vanished(photo: Photo | Path, error: Exception) -> bool:
    """Return whether a photo that was there when photos were looked for is gone: its disk may have been taken away."""
    return isinstance(error, FileNotFoundError | NotADirectoryError) and isinstance(photo, Photo) and photo.bytes > 0


def _name(photo: Photo | Path) -> str:
    return photo.name if isinstance(photo, Path) else photo.key


def _content(photo: Photo | Path) -> Stream:
    """Return what the file of a photo holds, or a shard of it."""
    path, start, size = (photo, None, 0) if isinstance(photo, Path) else (photo.path, photo.start, photo.bytes)
    if start is None:
        stream = regular(path)
        if os.fstat(stream.fileno()).st_size == 0:
            stream.close()
            raise Unusable("the file is empty")
        return stream
    if not 0 < size <= LARGEST_BYTES:
        raise Unusable(f"too large ({size} bytes)" if size > 0 else "the file is empty")
    with regular(path) as stream:
        content = os.pread(stream.fileno(), size, start)
    if len(content) < size:
        raise Unusable("the shard ends before the photo does")
    return io.BytesIO(content)


def _named_format(photo: Photo | Path) -> str:
    """Return why a photo cannot be read if the format is to blame that its name says, else nothing."""
    suffix = PurePath(_name(photo)).suffix
    return f"{suffix[1:].upper()} is not read: convert it to JPEG or PNG" if suffix.lower() in UNREAD else ""


def _check_format(image: Image.Image, photo: Photo | Path) -> None:
    if image.format == "TIFF" and _named_format(photo):  # of a camera's raw file, TIFF shows the thumbnail
        raise UnidentifiedImageError


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if min(width, height) < SMALLEST_SIDE:
        raise Unusable(f"too small ({width}×{height} pixels, at least {SMALLEST_SIDE} are needed)")
    if max(width, height) > LARGEST_RATIO * min(width, height):
        raise Unusable(f"too narrow ({width}×{height} pixels, one side may be {LARGEST_RATIO} times the other)")


def _small_grey(image: Image.Image, side: int) -> UInt8[np.ndarray, "side side"]:
    image.draft("L", (side, side))
    return np.asarray(_upright_rgb(image).convert("L").resize((side, side), Image.Resampling.BOX))


def _upright_rgb(image: Image.Image) -> Image.Image:
    image.seek(0)
    image.load()
    with suppress(Exception):  # broken EXIF: keep the orientation as it is
        turn = UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
        image = image if turn is None else image.transpose(turn)
    return rgb(image)
