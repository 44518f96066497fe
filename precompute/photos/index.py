"""Find the photos of every source."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from atlas.format import imagenet_classes
from atlas.schema import AtlasError, PhotoSet
from precompute.photos import folders, shards
from precompute.photos.photo import SPLITS, Found, Photo, PhotoIndex

SAMPLE = "sample:"


def index(sources: Sequence[str], sets: Mapping[str, Mapping[str, Any]] = MappingProxyType({})) -> PhotoIndex:
    """Find the photos of every source, in a fixed order.

    Args:
        sources: directories holding a folder a wnid, or tar shards, directly or under ``fit|train`` and ``holdout|val``; a single
            tar shard; or ``sample:``.
        sets: what is known of photo sets, by name: ``licence``, ``attribution``, and the ``split`` of all their photos.

    Raises:
        AtlasError: a source that is missing or holds no photos of an ImageNet class, two sources of one name, or something
            said of a set that is not there, or that cannot be said.
    """
    found = Found()
    for source in sources:
        if source == SAMPLE:
            _sample(found)
        elif (path := Path(source)).is_file() and path.suffix == shards.SUFFIX:
            shards.find(path, [(path, None)], found)
        elif not path.is_dir():
            raise AtlasError(
                f"No photos: {path} is not a folder. --photos needs a folder that holds a folder for each wnid, or tar shards."
            )
        elif not folders.find(path, found) and not shards.find(path, shards.below(path, found), found):
            damage = next((f" ({name}: {reason})" for name, reason in found.damaged.items()), "")
            raise AtlasError(
                f"No photos in {path}: it needs a folder for each class, named by wnid (n02086240/…), with image files; or tar "
                f"shards whose members lie in such folders or have labels{damage}."
            )
    names = [described.name for described in found.sets]
    if doubled := [name for i, name in enumerate(names) if name in names[:i]]:
        raise AtlasError(f"Two photo sets are called {doubled[0]!r}: rename one folder, their photos could not be told apart.")
    _say(found, sets)
    if not found.photos:
        raise AtlasError("No photos: name at least one source with --photos DIR (or --photos sample:).")
    groups: dict[str, list[Photo]] = {}
    for photo in found.photos:
        groups.setdefault(photo.wnid, []).append(photo)
    ordered = {wnid: tuple(sorted(groups[wnid], key=lambda p: p.key)) for wnid in sorted(groups)}
    return PhotoIndex(ordered, tuple(found.sets), tuple(found.notes), found.damaged)


def _say(found: Found, sets: Mapping[str, Mapping[str, Any]]) -> None:
    """Fill in what the reader of a folder cannot know of it."""
    names = [described.name for described in found.sets]
    for name, said in sets.items():
        if name not in names:
            raise AtlasError(f"[sets.{name}] describes no photo set of this build: they are called {', '.join(names)}.")
        if unknown := said.keys() - {"licence", "attribution", "split"}:
            raise AtlasError(f"[sets.{name}] takes licence, attribution and split, found {min(unknown)!r}.")
        if not all(isinstance(value, str) for value in said.values()) or said.get("split", "fit") not in SPLITS.values():
            raise AtlasError(f"[sets.{name}] takes texts, and as split fit or holdout; found {dict(said)}.")
        known = found.sets[names.index(name)]
        licence, attribution = said.get("licence", known.licence), said.get("attribution", known.attribution)
        found.sets[names.index(name)] = PhotoSet(name, known.n_photos, licence, attribution)
        if split := said.get("split"):
            mine = f"{name}/"
            found.photos[:] = [dataclasses.replace(p, split=split) if p.key.startswith(mine) else p for p in found.photos]


def _sample(found: Found) -> None:
    """Add the 20 photos inside the foolbox wheel, which is found but never imported."""
    wheel = importlib.util.find_spec("foolbox")
    if wheel is None or wheel.origin is None:
        raise AtlasError("The sample photos come with the package foolbox, which is missing: pip install concept-atlas[demo].")
    wnids = [c.wnid for c in imagenet_classes()]
    paths = sorted((Path(wheel.origin).parent / "data").glob("imagenet_*_*.jpg"))
    found.photos += [Photo(f"sample/{p.name}", p, wnids[int(p.stem.split("_")[2])], "fit", p.stat().st_size) for p in paths]
    attribution = "ImageNet photos distributed with foolbox 3"
    found.sets.append(PhotoSet("sample", len(paths), licence="CC BY 2.0", attribution=attribution))
