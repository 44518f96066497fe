"""Photographs in: folders of wnids, or the packaged samples → photos in a fixed order → pixels.

The one module that reads photographs. A file that cannot be used is skipped with a reason, never fatal.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError

from atlas.schema import AtlasError, PhotoSet
from atlas.store import imagenet_classes

SAMPLE = "sample:"
HOLDOUT_PERCENT = 15
SMALLEST_SIDE = 32
LARGEST_PIXELS = 100_000_000
LARGEST_RATIO = 50  # of the sides
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")  # whatever the suffix says: other decoders may run programs
SPLITS = {"fit": "fit", "train": "fit", "holdout": "holdout", "val": "holdout"}
_WNID = re.compile(r"n\d{8}")
_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph on disk; ``key`` names it inside an atlas: the photo set, then the path inside it."""

    key: str
    path: Path
    wnid: str
    split: str  # "fit" or "holdout"
    bytes: int


@dataclass(frozen=True, slots=True)
class PhotoIndex:
    """Every photo found, by wnid, in a fixed order."""

    photos: dict[str, tuple[Photo, ...]]
    sets: tuple[PhotoSet, ...]
    notes: tuple[str, ...] = ()  # what was passed over, a sentence each

    @property
    def total(self) -> int:
        """How many photos there are."""
        return sum(map(len, self.photos.values()))


@dataclass(slots=True)
class Geometry:
    """How the network's square input lies in a photo: input pixel · scale + offset = photo pixel."""

    scale: float
    left: float
    top: float

    def box(self, x: int, y: int, side: int) -> tuple[int, int, int, int]:
        """Return the box of the photo (x, y, width, height) below a square of the input."""
        start = (round(self.left + x * self.scale), round(self.top + y * self.scale))
        return (*start, round(side * self.scale), round(side * self.scale))


@dataclass(slots=True)
class Skipped:
    """Photos that could not be used, with the reason."""

    reasons: dict[str, str] = field(default_factory=dict)


def index(sources: Sequence[str]) -> PhotoIndex:
    """Find the photos of every source, in a fixed order.

    Args:
        sources: directories holding a folder a wnid, directly or under ``fit|train`` and ``holdout|val``; or ``sample:``.

    Raises:
        AtlasError: a source that is missing or holds no photos of an ImageNet class, or two sources of one name.
    """
    known = {c.wnid for c in imagenet_classes()}
    found: dict[str, list[Photo]] = {}
    sets: list[PhotoSet] = []
    notes: list[str] = []
    for source in sources:
        photos, described = _sample() if source == SAMPLE else _directory(Path(source), known, notes)
        if described.name in {s.name for s in sets}:
            raise AtlasError(
                f"Two photo sets are called {described.name!r}: rename one folder, their photos could not be told apart."
            )
        sets.append(described)
        for photo in photos:
            found.setdefault(photo.wnid, []).append(photo)
    if not found:
        raise AtlasError("No photos: name at least one source with --photos DIR (or --photos sample:).")
    ordered = {wnid: tuple(sorted(found[wnid], key=lambda p: p.key)) for wnid in sorted(found)}
    return PhotoIndex(photos=ordered, sets=tuple(sets), notes=tuple(notes))


def _directory(folder: Path, known: set[str], notes: list[str]) -> tuple[list[Photo], PhotoSet]:
    if not folder.is_dir():
        raise AtlasError(f"No photos: {folder} is not a folder. --photos needs a folder that holds a folder for each wnid.")
    name = _text(folder.resolve().name)
    photos: list[Photo] = []
    children = _children(folder, notes)
    split_folders = {child.name: child for child in children if child.name in SPLITS and child.is_dir()}
    if split_folders:
        notes += [f"{child}: lies beside {' and '.join(split_folders)}" for child in children if _WNID.fullmatch(child.name)]
    for split, parent in split_folders.items() or {"": folder}.items():
        for child in _children(parent, notes):
            if not _WNID.fullmatch(child.name):
                continue
            if not child.is_dir():
                notes.append(f"{child}: not a folder")
                continue
            if child.name not in known:
                notes.append(f"{child}: {child.name} is not one of the 1000 ImageNet classes")
                continue
            photos += _of_class(child, folder, name, SPLITS.get(split), notes)
    if not photos:
        raise AtlasError(
            f"No photos in {folder}: it needs a folder for each class, named by wnid (n02086240/…), with image files."
        )
    return photos, PhotoSet(name=name, n_photos=len(photos))


def _children(folder: Path, notes: list[str]) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        notes.append(f"{folder}: {error.strerror}")
        return []


def _of_class(folder: Path, root: Path, name: str, split: str | None, notes: list[str]) -> Iterator[Photo]:
    for path in _children(folder, notes):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        try:
            size = path.stat().st_size
        except OSError:  # a link that loops or leads nowhere: skipped, with the reason, when it is read
            size = 0
        inside = _text(path.relative_to(root).as_posix())
        yield Photo(f"{name}/{inside}", path, folder.name, split or hashed_split(path.name), size)


def _text(name: str) -> str:
    """Return a file name that can be stored: bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def hashed_split(file_name: str) -> str:
    """Return the split of a photo that comes without one: 15 % are held out, decided by the name alone."""
    number = int.from_bytes(hashlib.sha256(os.fsencode(file_name)).digest()[:8], "big")
    return "holdout" if number % 100 < HOLDOUT_PERCENT else "fit"


def _sample() -> tuple[list[Photo], PhotoSet]:
    """Return the 20 photos inside the foolbox wheel, which is found but never imported."""
    found = importlib.util.find_spec("foolbox")
    if found is None or found.origin is None:
        raise AtlasError("The sample photos come with the package foolbox, which is missing: pip install concept-atlas[demo].")
    wnids = [c.wnid for c in imagenet_classes()]
    paths = sorted((Path(found.origin).parent / "data").glob("imagenet_*_*.jpg"))
    photos = [Photo(f"sample/{p.name}", p, wnids[int(p.stem.split("_")[2])], "fit", p.stat().st_size) for p in paths]
    licence = "CC BY 2.0"
    return photos, PhotoSet("sample", len(photos), licence=licence, attribution="ImageNet photos distributed with foolbox 3")


def read(path: Path) -> Image.Image:
    """Return a photo as upright RGB.

    16-bit grey is scaled to 8 bits, the first frame of an animation is taken, CMYK, palettes and transparency are converted.

    Raises:
        ValueError: the file cannot be used; the message says why.
    """
    try:
        if path.stat().st_size == 0:
            raise Unusable("the file is empty")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata; a bomb is refused below
            with Image.open(path, formats=FORMATS) as image:
                _check_size(image)
                return _upright_rgb(image)
    except Unusable:
        raise
    except UnidentifiedImageError as error:
        raise Unusable("not an image") from error
    except Exception as error:  # decoders raise many kinds, down to struct.error
        if isinstance(error, OSError) and error.strerror:
            raise Unusable(f"cannot be read ({error.strerror})") from error
        raise Unusable(f"corrupt image ({str(error) or type(error).__name__})") from error


class Unusable(ValueError):
    """A file that cannot serve as a photo; the message says why."""


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if min(width, height) < SMALLEST_SIDE:
        raise Unusable(f"too small ({width}×{height} pixels, at least {SMALLEST_SIDE} are needed)")
    if width * height > LARGEST_PIXELS:
        raise Unusable(f"too large ({width}×{height} pixels, at most {LARGEST_PIXELS // 1_000_000} million are read)")
    if max(width, height) > LARGEST_RATIO * min(width, height):
        raise Unusable(f"too narrow ({width}×{height} pixels, one side may be {LARGEST_RATIO} times the other)")


def _upright_rgb(image: Image.Image) -> Image.Image:
    image.seek(0)
    image.load()
    with suppress(Exception):  # broken EXIF: keep the orientation as it is
        turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
        image = image if turn is None else image.transpose(turn)
    if image.mode.startswith("I"):
        grey = np.asarray(image, np.int64)
        image = Image.fromarray((grey >> 8 if grey.max() > 255 else grey).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        raise Unusable("floating-point pixels have no known range")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def as_input(
    image: Image.Image, *, size: int, crop_pct: float, interpolation: str
) -> tuple[UInt8[np.ndarray, "size size 3"], Geometry]:
    """Resize the short side to ``size / crop_pct`` and cut the centre square, as the backbone was trained to see photos."""
    short = round(size / crop_pct)
    width, height = image.size
    factor = short / min(width, height)
    resized = image.resize((max(size, round(width * factor)), max(size, round(height * factor))), _RESAMPLING[interpolation])
    left, top = (resized.width - size) // 2, (resized.height - size) // 2
    pixels = np.asarray(resized.crop((left, top, left + size, top + size)))
    return pixels, Geometry(1 / factor, left / factor, top / factor)


@dataclass(slots=True)
class Decoder:
    """Decode photos in parallel and hand them on in order, a few ahead of the network."""

    size: int
    crop_pct: float
    interpolation: str
    workers: int = 2
    skipped: Skipped = field(default_factory=Skipped)

    def __call__(self, photos: Sequence[Photo]) -> Iterator[tuple[Photo, UInt8[np.ndarray, "size size 3"], Geometry]]:
        """Yield every usable photo with its pixels; the others are named in ``skipped``."""
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: list[tuple[Photo, Future]] = []
            ahead = iter(photos)
            while True:
                while len(waiting) < 32 and (photo := next(ahead, None)) is not None:
                    waiting.append((photo, pool.submit(self._decode, photo)))
                if not waiting:
                    return
                photo, future = waiting.pop(0)
                try:
                    yield photo, *future.result()
                except Unusable as error:
                    self.skipped.reasons[photo.key] = str(error)

    def _decode(self, photo: Photo) -> tuple[UInt8[np.ndarray, "size size 3"], Geometry]:
        image = read(photo.path)
        return as_input(image, size=self.size, crop_pct=self.crop_pct, interpolation=self.interpolation)


def shuffled(photos: Sequence[Photo]) -> list[Photo]:
    """Return photos in an order that mixes the classes and depends on their names alone."""
    return sorted(photos, key=lambda p: hashlib.sha256(p.key.encode("utf-8", "surrogateescape")).digest())
