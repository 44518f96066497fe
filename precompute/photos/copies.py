"""Photos that are there twice, under other names, sizes or qualities: they count once, and never lie in both splits.

Two photos of a class are copies if their bytes are the same; or if their grey thumbnails are correlated at 16×16 pixels (mean
removed), and in what 32×32 pixels show beyond 8×8: that tells skies, horizons and products on white apart. Of copies the first
is kept, those held out before the others: what was held out stays as its owner made it, and nothing of it is fitted.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import compress

import numpy as np
from jaxtyping import Float, UInt8

from atlas.photos import Unusable
from atlas.schema import AtlasError
from precompute.photos.decoding import ahead
from precompute.photos.photo import Photo, PhotoIndex
from precompute.photos.reading import sha256, thumbnail
from precompute.photos.transient import NoAnswer

#: How the reason begins for which a copy is set aside.
COPY_OF = "a copy of "
_SIDE = 32
#: Correlation at 16×16 pixels above which photos may be copies.
_ALIKE = 0.97
#: Correlation of what is finer, from which on they are. Of the 14 pairs above 0.97 among 15,119 photos of 1000 classes, those 13
#: that show one photo twice have 0.93 or more here, and one of two revolvers 0.88; meadows with a horizon, alike to 0.96, 0.57.
_FINELY = 0.9
#: Photos that are compared with all others at once: memory stays small in large classes.
_BLOCK = 256
#: Classes in a row that nobody hands over, after which nobody waits any longer.
_UNANSWERED = 3


def without_copies(index: PhotoIndex, wnids: Iterable[str], *, workers: int, across: bool = False) -> PhotoIndex:
    """Return photos without the copies among those of some classes; ``copies`` names them.

    A class of which a photo cannot be read just now stays as it is: whoever builds it meets the same error.

    Args:
        index: photos, in a fixed order.
        wnids: the classes that are looked at, one after the other.
        workers: threads that decode.
        across: whether photos of all classes are fitted together. Then a photo of the fit split is set aside, too, if its bytes
            are those of one that another class holds out. Two classes may share a photo in one split: it shows both.

    Raises:
        AtlasError: several classes in a row lie on a disk or server that does not answer.
    """
    copies: dict[str, str] = {}
    known: list[tuple[Photo, bytes]] = []
    unanswered = 0
    for wnid in wnids:
        group = index.photos.get(wnid, ())
        if len(group) < 2 and not across:
            continue
        try:
            seen, found = _in_class(group, workers)
        except AtlasError as error:
            unanswered = unanswered + 1 if isinstance(error, NoAnswer) else 0
            if unanswered == _UNANSWERED:
                raise
            continue
        unanswered = 0
        copies |= found
        known += [(photo, digest) for photo, digest in seen if across and photo.key not in found]
    copies |= _held_elsewhere(known)
    kept = {wnid: tuple(photo for photo in group if photo.key not in copies) for wnid, group in index.photos.items()}
    reasons = {key: COPY_OF + copies[key] for key in sorted(copies)}
    return dataclasses.replace(index, photos={wnid: group for wnid, group in kept.items() if group}, copies=reasons)


def counted(copies: Mapping[str, str]) -> str:
    """Return how many copies there are, as people say it."""
    n = len(copies)
    return f"{n} {'copy' if n == 1 else 'copies'} (the same photo under another name)"


def _in_class(group: Sequence[Photo], workers: int) -> tuple[list[tuple[Photo, bytes]], dict[str, str]]:
    """Return the usable photos of a class with a digest of their thumbnails, and copy → original.

    The others are nobody's copies: they are named by whoever decodes them.
    """
    usable: list[Photo] = []
    small: list[np.ndarray] = []
    ordered = sorted(group, key=lambda photo: photo.split != "holdout")
    for photo, result in ahead(lambda each: thumbnail(each, _SIDE), ordered, workers=workers):
        with suppress(Unusable):
            small.append(result(photo.key))
            usable.append(photo)
    digests = [hashlib.blake2b(pixels.tobytes(), digest_size=8).digest() for pixels in small]
    seen = list(zip(usable, digests, strict=True))
    found = {other.key: first.key for first, *others in _same_bytes(seen) for other in others}
    rest = [photo.key not in found for photo in usable]
    left = list(compress(usable, rest))
    if left:
        found |= {left[i].key: left[j].key for i, j in alike(np.stack(list(compress(small, rest)))).items()}
    return seen, found


def _same_bytes(seen: Iterable[tuple[Photo, bytes]]) -> list[list[Photo]]:
    """Return groups of photos with the same bytes; only those of one size and one thumbnail are read again."""
    close: dict[tuple[int, bytes], list[Photo]] = {}
    for photo, digest in seen:
        close.setdefault((photo.bytes, digest), []).append(photo)
    same: dict[str, list[Photo]] = {}
    for photo in (photo for group in close.values() if len(group) > 1 for photo in group):
        with suppress(Unusable):
            same.setdefault(sha256(photo), []).append(photo)
    return [group for group in same.values() if len(group) > 1]


def _held_elsewhere(known: Iterable[tuple[Photo, bytes]]) -> dict[str, str]:
    """Return photo of the fit split → photo of the same bytes that another class holds out."""
    found: dict[str, str] = {}
    for group in _same_bytes(known):
        held = next((photo for photo in group if photo.split == "holdout"), None)
        found |= {photo.key: held.key for photo in group if held and photo.split != "holdout"}
    return found


def alike(thumbnails: UInt8[np.ndarray, "photo 32 32"]) -> dict[int, int]:
    """Return copy → original among thumbnails: the first that is alike, and no copy itself.

    Sums of whole numbers, so exact: threads and blocks change nothing.
    """
    coarse = _coarse(thumbnails)
    norms = np.linalg.norm(coarse, axis=1)
    found: dict[int, int] = {}
    for start in range(0, len(coarse), _BLOCK):
        block, before = slice(start, start + _BLOCK), slice(start + _BLOCK)
        close = coarse[block] @ coarse[before].T > _ALIKE * np.outer(norms[block], norms[before])
        for i, row in enumerate(close, start):
            for j in map(int, np.flatnonzero(row[:i])):
                if j not in found and _finely_alike(thumbnails[i], thumbnails[j]):
                    found[i] = j
                    break
    return found


def _coarse(thumbnails: UInt8[np.ndarray, "photo 32 32"]) -> Float[np.ndarray, "photo 256"]:
    """Return 16×16 pixels, mean removed, times 4 · 256."""
    sums = thumbnails.reshape(-1, 16, 2, 16, 2).sum(axis=(2, 4), dtype=np.int64).reshape(-1, 256)
    return (256 * sums - sums.sum(axis=1, keepdims=True)).astype(np.float64)


def _finely_alike(one: UInt8[np.ndarray, "32 32"], other: UInt8[np.ndarray, "32 32"]) -> bool:
    """Compare what is finer than 8×8; where neither shows anything finer, nothing tells them apart."""
    x, y = _fine(one), _fine(other)
    return bool(x.any() == y.any() and np.vdot(x, y) >= _FINELY * np.linalg.norm(x) * np.linalg.norm(y))


def _fine(pixels: UInt8[np.ndarray, "32 32"]) -> Float[np.ndarray, "8 4 8 4"]:
    """Return what 32×32 pixels show beyond 8×8, times 16."""
    blocks = pixels.reshape(8, 4, 8, 4).astype(np.float64)
    return 16 * blocks - blocks.sum(axis=(1, 3), keepdims=True)
