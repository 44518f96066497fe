"""Photos in tar shards, as WebDataset writes them: read where they lie, never unpacked.

The class of a photo is the folder it lies in inside the shard (``…/n02086240/x.jpg``); or the name of the shard
(``n02086240.tar``); or what lies beside it under the same key: ``x.cls`` (a class index or a wnid), or ``x.json`` with such a
value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import IO

from atlas.format import imagenet_classes
from atlas.schema import PhotoSet
from precompute.photos import tar
from precompute.photos.folders import listed
from precompute.photos.photo import SPLITS, SUFFIXES, WNID, Found, Photo, as_text, hashed_split
from precompute.photos.shard_index import Labelled, Listing, remembered

SUFFIX = ".tar"
#: Fields of a sample's JSON record that may name its class, the first that is there.
LABELS = ("wnid", "synset", "cls", "label", "class", "class_id", "class_index")
_COMPRESSED = (".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2")
_SPLIT_WORDS = SPLITS | {"training": "fit", "validation": "holdout"}
_LARGEST_LABEL = 1 << 16


def below(folder: Path, found: Found) -> list[tuple[Path, str | None]]:
    """Return the shards of a folder, directly or under ``fit|train`` and ``holdout|val``, each with its split if it has one."""
    shards: list[tuple[Path, str | None]] = []
    for child in listed(folder, found.notes):
        inside = listed(child, found.notes) if child.name in SPLITS and child.is_dir() else [child]
        shards += [
            (path, SPLITS.get(path.parent.name) if path is not child else None) for path in inside if _is_shard(path, found)
        ]
    return shards


def _is_shard(path: Path, found: Found) -> bool:
    if path.name.endswith(_COMPRESSED):
        found.notes.append(f"{path}: compressed, photos in it cannot be found without reading all of it; unpack it to .tar")
    return path.suffix == SUFFIX and path.is_file() and not path.name.startswith(".")


def find(source: Path, shards: Sequence[tuple[Path, str | None]], found: Found) -> bool:
    """Add the photos of shards; return whether there were any. What a shard holds is remembered until it changes."""
    root = source if source.is_dir() else source.parent
    name = as_text(source.resolve().name.removesuffix(SUFFIX))
    photos: dict[str, Photo] = {}
    with ThreadPoolExecutor(8) as pool:
        listings = list(pool.map(lambda shard: remembered(shard[0], scan), shards))
    for (path, split), listing in zip(shards, listings, strict=True):
        place = as_text(path.relative_to(root).as_posix())
        if listing.damage:
            found.damaged[f"{name}/{place}"] = f"damaged shard, photos may be missing: {listing.damage}"
        found.notes += [f"{path}: {note}" for note in listing.notes]
        for member in listing.photos:
            photo = _photo(member, path, name, place, split)
            if photos.setdefault(photo.key, photo) is not photo:
                found.notes.append(f"{path}: {photo.key} is there already, in {photos[photo.key].path.name}")
    if photos:
        found.photos += photos.values()
        found.sets.append(PhotoSet(name=name, n_photos=len(photos)))
    return bool(photos)


def _photo(member: Labelled, path: Path, set_name: str, place: str, split: str | None) -> Photo:
    parts = PurePosixPath(member.name).parts
    inside = "/".join(parts)
    if member.wnid in parts:  # as if the shard had been unpacked where it lies
        key = "/".join([*place.split("/")[:-1], inside])
    else:
        key = f"{place.removesuffix(SUFFIX)}/{member.wnid}/{inside}"
    words = [*parts[:-1], *re.split(r"[^a-z]+", path.stem.lower())]
    split = split or next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), None) or hashed_split(parts[-1])
    return Photo(f"{set_name}/{key}", path, member.wnid, split, member.size, member.start)


def scan(path: Path) -> Listing:
    """List the photos of a shard with their classes.

    Raises:
        OSError: it cannot be read.
    """
    images: list[tar.Member] = []
    labels: dict[str, tar.Member] = {}
    notes: list[str] = []
    damage = ""
    try:
        for member in tar.members(path):
            if _leads_out(member.name):
                notes.append(f"{as_text(member.name)!r} leads out of its folder, it is passed over")
                continue
            suffix = PurePosixPath(member.name).suffix.lower()
            if suffix in SUFFIXES and not PurePosixPath(member.name).name.startswith("."):
                images.append(member)
            elif suffix in {".cls", ".json"}:
                labels.setdefault(_key(member.name), member)
    except tar.Damaged as error:
        damage = str(error)
    photos = _labelled(path, images, labels) if images else []
    if without := len(images) - len(photos):
        notes.append(f"{without} of {len(images)} photos have no class among the 1000 of ImageNet, they are passed over")
    return Listing(tuple(photos), tuple(notes), damage)


def _leads_out(name: str) -> bool:
    return name.startswith("/") or ".." in name.split("/") or "\0" in name


def _key(name: str) -> str:
    """Return what the members of one sample have in common: the path up to the first dot of the file name."""
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.split(".", 1)[0]


def _labelled(path: Path, images: Sequence[tar.Member], labels: dict[str, tar.Member]) -> list[Labelled]:
    known = [c.wnid for c in imagenet_classes()]
    wnids = set(known)
    found: list[Labelled] = []
    with path.open("rb") as stream:
        for image in images:
            folders = [part for part in PurePosixPath(image.name).parts[:-1] if WNID.fullmatch(part)]
            if folders:
                wnid = folders[-1]
            elif WNID.fullmatch(path.stem):
                wnid = path.stem
            else:
                label = labels.get(_key(image.name))
                wnid = _label(stream, label, known) if label else ""
            if wnid in wnids:
                found.append(Labelled(image.name, image.start, image.size, wnid))
    return found


def _label(stream: IO[bytes], member: tar.Member, known: Sequence[str]) -> str:
    """Return the wnid that a label says: itself, or the class index."""
    if member.size > _LARGEST_LABEL:
        return ""
    stream.seek(member.start)
    said: object = stream.read(member.size).decode("utf-8", "replace").strip()
    if member.name.lower().endswith(".json"):
        try:
            record = json.loads(str(said))
        except (ValueError, RecursionError):
            return ""
        said = next((record[name] for name in LABELS if name in record), "") if isinstance(record, dict) else record
    text = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
    if text.isascii() and text.isdigit() and len(text) < 5:
        return known[int(text)] if int(text) < len(known) else ""
    return text
