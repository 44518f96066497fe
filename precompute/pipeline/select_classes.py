"""Which classes are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from atlas.format import imagenet_classes
from atlas.schema import AtlasError, ImageNetClass
from precompute.photos import PhotoIndex

_NAMED = 5  # classes that a message names


def with_photos(wnids: Sequence[str], index: PhotoIndex) -> list[ImageNetClass]:
    """Return the classes named, or all that have photos where none is, in the order of the class index.

    Raises:
        AtlasError: a name that is no class, or a class without photos.
    """
    known = {c.wnid: c for c in imagenet_classes()}
    for wnid in wnids:
        if wnid not in known:
            raise AtlasError(
                f"{wnid!r} is not one of the 1000 ImageNet classes: --classes takes wnids such as n02086240, or all."
            )
        if wnid not in index.photos:
            sets = ", ".join(photo_set.name for photo_set in index.sets)
            some = ", ".join(list(index.photos)[:_NAMED]) + (", …" if len(index.photos) > _NAMED else "")
            raise AtlasError(f"There are no photos of {wnid} ({known[wnid].name}) in {sets}: there are some of {some}.")
    return sorted((known[wnid] for wnid in set(wnids or index.photos)), key=lambda c: c.class_index)
