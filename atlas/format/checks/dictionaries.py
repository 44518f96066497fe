"""Are the dictionaries what they must be? Atoms with numbers, as many as there are concepts, all of the same channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open

from atlas.format import paths
from atlas.format.checks.contradiction import Contradiction, said
from atlas.schema import SHARED

_REAL = ("F16", "F32", "F64")
_KNOWN = (*_REAL, "BOOL", "U8", "I8", "I16", "I32", "I64")


@dataclass(frozen=True, slots=True, eq=False)
class Dictionaries:
    """How many atoms each has, by owner, and which are centred."""

    sizes: dict[str, int]
    centred: frozenset[str]

    @property
    def shared(self) -> int:
        """How many shared atoms there are."""
        return self.sizes.get(SHARED, 0)


def read(path: Path) -> tuple[Dictionaries, list[Contradiction]]:
    """Return how large the dictionaries of a file are, and what is wrong with them.

    Raises:
        SafetensorError, OSError: it cannot be read.
    """
    found: list[Contradiction] = []
    shapes: dict[str, tuple[int, ...]] = {}
    with safe_open(path, framework="numpy") as stored:
        for name in list(stored.keys()):
            kind, shapes[name] = stored.get_slice(name).get_dtype(), tuple(stored.get_slice(name).get_shape())
            found += _of_array(name, kind, shapes[name]) or _of_numbers(name, stored.get_tensor(name))
    found += _of_owners(shapes)
    sizes = {name: shape[0] for name, shape in shapes.items() if "." not in name and shape}
    centred = frozenset(name.removesuffix(".offset") for name in shapes if name.endswith(".offset"))
    return Dictionaries(sizes, centred), found


def _of_array(name: str, kind: str, shape: tuple[int, ...]) -> list[Contradiction]:
    owner, _, extra = name.partition(".")
    if kind not in (_KNOWN if extra else _REAL):
        return [_wrong(owner, extra, f"are {kind}, no numbers that are read")]
    if not extra and (len(shape) != 2 or 0 in shape):
        return [_wrong(owner, extra, f"have the shape {shape}, not concepts × channels")]
    return []


def _of_numbers(name: str, array: np.ndarray) -> list[Contradiction]:
    fine = np.isfinite(array)
    owner, _, extra = name.partition(".")
    return [] if fine.all() else [_wrong(owner, extra, f"hold {said(float(array[~fine].flat[0]))}")]


def _of_owners(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Contradiction]:
    """Check that what lies beside atoms has some, and that all atoms have the channels that most have."""
    channels = {name: shape[-1] for name, shape in shapes.items() if "." not in name and shape}
    usual = Counter(channels.values()).most_common(1)
    for name in shapes:
        owner, _, extra = name.partition(".")
        if owner not in shapes:
            yield _wrong(owner, extra, "are beside no atoms")
        elif not extra and owner in channels and channels[owner] != usual[0][0]:
            yield _wrong(owner, extra, f"have {channels[owner]} channels, others {usual[0][0]}")


def _wrong(owner: str, extra: str, words: str) -> Contradiction:
    return Contradiction(paths.DICTIONARIES, owner, extra or "atoms", words)
