"""Which crops show a concept, and where in them it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

PER_CONCEPT = 8
HEAT_CONCEPTS = 5
LEAST_OF_HIGHEST = 0.2


@dataclass(frozen=True, slots=True)
class Choice:
    """A crop chosen for a concept."""

    concept: int
    rank: int
    photo: int
    crop: int  # number in the crop plan
    code: float


def choose(
    codes: Float[np.ndarray, "crop concept"],
    crop_photo: Int[np.ndarray, " crop"],
    crop_number: Int[np.ndarray, " crop"],
    *,
    count: int = PER_CONCEPT,
) -> tuple[Choice, ...]:
    """Choose for every concept the crops with the highest codes, one a photo.

    A crop with less than a fifth of the highest code does not show the concept, even if no other crop is left to show.
    """
    chosen: list[Choice] = []
    for concept in range(codes.shape[1]):
        order = np.argsort(-codes[:, concept], kind="stable")
        _, first = np.unique(crop_photo[order], return_index=True)
        best = order[np.sort(first)[:count]]
        chosen += [
            Choice(concept, rank, int(crop_photo[i]), int(crop_number[i]), float(codes[i, concept]))
            for rank, i in enumerate(best)
            if codes[i, concept] > 0 and codes[i, concept] >= LEAST_OF_HIGHEST * codes[order[0], concept]
        ]
    return tuple(chosen)


def photo_heat(
    codes: Float[np.ndarray, "photo position concept"],
    contributions: Float[np.ndarray, "photo concept"],
    grid: tuple[int, int],
) -> tuple[Int[np.ndarray, "photo shown"], UInt8[np.ndarray, "photo shown height width"]]:
    """Return heat maps of the concepts that matter most to each photo, each scaled to its own maximum.

    Returns:
        concept indices by |contribution|, and their codes over the photo as 0…255.
    """
    shown = min(HEAT_CONCEPTS, codes.shape[2])
    concepts = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :shown].astype(np.int32)
    maps = np.take_along_axis(codes, concepts[:, None, :], axis=2).transpose(0, 2, 1)
    top = maps.max(axis=2, keepdims=True)
    scaled = np.divide(maps, top, out=np.zeros_like(maps), where=top > 0)
    return concepts, (scaled * 255).round().astype(np.uint8).reshape(len(codes), shown, *grid)
