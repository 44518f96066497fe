"""Photographs in: folders of wnids, or the packaged samples → photos in a fixed order → pixels.

The one module that reads photographs. A file that cannot be used is skipped with a reason, never fatal.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

from atlas.schema import AtlasError, PhotoSet
from atlas.store import imagenet_classes

SAMPLE = "sample:"
HOLDOUT_PERCENT = 15
SMALLEST_SIDE = 32
LARGEST_PIXELS = 100_000_000
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}
SPLITS = {"fit": "fit", "train": "fit", "holdout": "holdout", "val": "holdout"}
_WNID = re.compile(r"n\d{8}")
_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR, "lanczos": Image.Resampling.LANCZOS}


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
    name = folder.resolve().name
    photos: list[Photo] = []
    split_folders = {child.name: child for child in _children(folder, notes) if child.name in SPLITS}
    for split, parent in split_folders.items() or {"": folder}.items():
        for child in _children(parent, notes):
            if not _WNID.fullmatch(child.name) or not child.is_dir():
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
        if path.suffix.lower() not in SUFFIXES:
            continue
        try:
            size = path.stat().st_size  # a link that loops fails here
        except OSError as error:
            notes.append(f"{path}: {error.strerror}")
            continue
        inside = path.relative_to(root).as_posix()
        yield Photo(f"{name}/{inside}", path, folder.name, split or hashed_split(path.name), size)


def hashed_split(file_name: str) -> str:
    """Return the split of a photo that comes without one: 15 % are held out, decided by the name alone."""
    number = int.from_bytes(hashlib.sha256(file_name.encode("utf-8", "surrogateescape")).digest()[:8], "big")
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
    if path.stat().st_size == 0:
        raise ValueError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata; a bomb is refused below
            with Image.open(path) as image:
                _check_size(image)
                return _upright_rgb(image)
    except UnidentifiedImageError as error:
        raise ValueError("not an image") from error
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"corrupt image ({str(error) or type(error).__name__})") from error


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if min(width, height) < SMALLEST_SIDE:
        raise ValueError(f"too small ({width}×{height} pixels, at least {SMALLEST_SIDE} are needed)")
    if width * height > LARGEST_PIXELS:
        raise ValueError(f"too large ({width}×{height} pixels, at most {LARGEST_PIXELS // 1_000_000} million are read)")


def _upright_rgb(image: Image.Image) -> Image.Image:
    image.seek(0)
    if image.mode.startswith("I"):
        grey = np.asarray(image, np.int64)
        image = Image.fromarray((grey >> 8 if grey.max() > 255 else grey).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    with suppress(KeyError, ValueError):  # broken EXIF: keep the orientation as it is
        image = ImageOps.exif_transpose(image)
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
                except (ValueError, OSError) as error:
                    self.skipped.reasons[photo.key] = str(error)

    def _decode(self, photo: Photo) -> tuple[UInt8[np.ndarray, "size size 3"], Geometry]:
        image = read(photo.path)
        return as_input(image, size=self.size, crop_pct=self.crop_pct, interpolation=self.interpolation)


def shuffled(photos: Sequence[Photo]) -> list[Photo]:
    """Return photos in an order that mixes the classes and depends on their names alone."""
    return sorted(photos, key=lambda p: hashlib.sha256(p.key.encode("utf-8", "surrogateescape")).digest())
