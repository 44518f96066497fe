"""What a photograph is before it is opened: where it lies, what it shows, which split it belongs to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from atlas.schema import PhotoSet

HOLDOUT_PERCENT = 15
#: Photographs whose formats are not read: found all the same, so that they are named.
UNREAD = {".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".raf", ".rw2"}
SUFFIXES = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"} | UNREAD
SPLITS = {"fit": "fit", "train": "fit", "holdout": "holdout", "val": "holdout"}
WNID = re.compile(r"n\d{8}")


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph on disk; ``key`` names it inside an atlas: the photo set, then the path inside it."""

    key: str
    path: Path  # of the file, or of the shard that holds it
    wnid: str
    split: str  # "fit" or "holdout"
    bytes: int
    start: int | None = None  # where it begins inside a shard; None: it is a file of its own


@dataclass(frozen=True, slots=True)
class PhotoIndex:
    """Every photo found, by wnid, in a fixed order."""

    photos: dict[str, tuple[Photo, ...]]
    sets: tuple[PhotoSet, ...]
    notes: tuple[str, ...] = ()  # what was passed over, a sentence each
    damaged: dict[str, str] = field(default_factory=dict)  # shard → why not all of its photos could be found
    copies: dict[str, str] = field(default_factory=dict)  # key of a photo that was set aside → which it is a copy of

    @property
    def total(self) -> int:
        """How many photos there are."""
        return sum(map(len, self.photos.values()))


@dataclass(slots=True)
class Found:
    """What a search through sources has found so far."""

    photos: list[Photo] = field(default_factory=list)
    sets: list[PhotoSet] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)


def as_text(name: str) -> str:
    """Return a file name that can be stored: bytes that are not UTF-8 are written as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def hashed_split(file_name: str) -> str:
    """Return the split of a photo that comes without one: 15 % are held out, decided by the name alone."""
    number = int.from_bytes(hashlib.sha256(os.fsencode(file_name)).digest()[:8], "big")
    return "holdout" if number % 100 < HOLDOUT_PERCENT else "fit"


def shuffled(photos: Sequence[Photo]) -> list[Photo]:
    """Return photos in an order that mixes the classes and depends on their names alone."""
    return sorted(photos, key=lambda p: hashlib.sha256(p.key.encode("utf-8", "surrogateescape")).digest())
