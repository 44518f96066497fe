"""Photos in a folder for each class, as torchvision lays out ImageNet: ``train/n02086240/….JPEG``, or without the split."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from atlas.format import imagenet_classes
from atlas.schema import PhotoSet
from precompute.photos.photo import SPLITS, SUFFIXES, WNID, Found, Photo, as_text, hashed_split
from precompute.photos.transient import raise_if_transient

#: What programs leave beside photos, and nobody misses.
_CLUTTER = {"Thumbs.db", "desktop.ini"}
#: Class folders that are looked through side by side: a network disk takes a millisecond a photo.
_AT_ONCE = 16
_NAMED = 3  # files that a note names


def find(folder: Path, found: Found) -> bool:
    """Add the photos of every class folder, directly below or below a split's folder; return whether there were any."""
    known = {c.wnid for c in imagenet_classes()}
    name = as_text(folder.resolve().name)
    kept = list(found.notes)
    children = listed(folder, found.notes)
    split_folders = {child.name: child for child in children if child.name in SPLITS and child.is_dir()}
    if split_folders:
        beside = " and ".join(split_folders)
        found.notes += [f"{child}: lies beside {beside}" for child in children if WNID.fullmatch(child.name)]
    places: list[tuple[Path, str | None]] = []
    for split, parent in split_folders.items() or {"": folder}.items():
        for child in listed(parent, found.notes):
            if not WNID.fullmatch(child.name):
                continue
            if not child.is_dir():
                found.notes.append(f"{child}: not a folder")
            elif child.name not in known:
                found.notes.append(f"{child}: {child.name} is not one of the 1000 ImageNet classes")
            else:
                places.append((child, SPLITS.get(split)))
    there = [Found() for _ in places]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        others = list(pool.map(lambda place, own: _of_class(place[0], folder, name, place[1], own), places, there))
    photos = [photo for own in there for photo in own.photos]
    found.notes += [note for own in there for note in own.notes]
    if passed := [path for group in others for path in group]:
        files = "1 file" if len(passed) == 1 else f"{len(passed)} files"
        found.notes.append(f"{folder}: {files} without the suffix of a photo ({_some(passed)})")
    if not photos:
        found.notes[:] = kept
        return False
    found.photos += photos
    found.sets.append(PhotoSet(name=name, n_photos=len(photos)))
    return True


def listed(folder: Path, notes: list[str]) -> list[Path]:
    """Return what a folder holds, in order; one that may not be read is noted.

    Raises:
        AtlasError: it cannot be read just now.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise_if_transient(error, folder)
        notes.append(f"{folder}: {error.strerror}")
        return []


def _of_class(folder: Path, root: Path, name: str, split: str | None, found: Found) -> list[str]:
    """Add the photos of a class folder; return the other files there."""
    others = []
    for path in listed(folder, found.notes):
        if path.name.startswith(".") or path.name in _CLUTTER:
            continue
        inside = as_text(path.relative_to(root).as_posix())
        if path.suffix.lower() not in SUFFIXES:
            others += [] if path.is_dir() else [inside]
            continue
        try:
            size = path.stat().st_size
        except OSError as error:  # a link that loops or leads nowhere: skipped, with the reason, when it is read
            raise_if_transient(error, path)
            size = 0
        found.photos.append(Photo(f"{name}/{inside}", path, folder.name, split or hashed_split(path.name), size))
    return others


def _some(names: Sequence[str]) -> str:
    """Return the first of some names."""
    return ", ".join([*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])])
