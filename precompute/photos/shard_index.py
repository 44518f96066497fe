"""Remember what a tar shard holds until it changes: looking through a thousand shards of a network disk takes minutes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from precompute import cache
from precompute.photos.transient import raise_if_transient

_KIND, _VERSION = "shards", 2


class Labelled(NamedTuple):
    """A photo inside a shard."""

    name: str
    start: int
    size: int
    wnid: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a shard holds."""

    photos: tuple[Labelled, ...]
    notes: tuple[str, ...] = ()  # what was passed over
    damage: str = ""  # why not all of it could be read


def remembered(path: Path, scan: Callable[[Path], Listing]) -> Listing:
    """Return what a shard holds, from memory if its size and time of change are as they were, else by a scan.

    Raises:
        AtlasError: it cannot be read just now.
    """
    try:
        return _remembered(path, scan)
    except OSError as error:
        raise_if_transient(error, path)
        return Listing((), damage=f"cannot be read ({error.strerror})")  # never remembered: permissions leave no trace


def _remembered(path: Path, scan: Callable[[Path], Listing]) -> Listing:
    state = path.stat()
    seen = f"{path.resolve()}\n{state.st_size}\n{state.st_mtime_ns}\n{_VERSION}"
    name = hashlib.sha256(seen.encode("utf-8", "surrogateescape")).hexdigest()
    known = _decoded(cache.read(_KIND, name))
    if known is None:
        known = scan(path)
        cache.write(_KIND, name, {"photos": known.photos, "notes": known.notes, "damage": known.damage})
    return known


def _decoded(record: Any) -> Listing | None:
    """Return a listing, or None for anything that is not one."""
    try:
        photos = tuple(Labelled(str(name), int(start), int(size), str(wnid)) for name, start, size, wnid in record["photos"])
        return Listing(photos, tuple(map(str, record["notes"])), str(record["damage"]))
    except (TypeError, ValueError, KeyError):
        return None
