"""A dictionary fitted again: on parts of the photos, to see what comes back, and on none, to see what chance gives.

Notation: A (patch, channel) what a dictionary was fitted on; groups (patch,) the photo of each patch. A photo is the unit: its
patches are never on both sides of a split.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from atlas.schema import AtlasError
from precompute.dictionary import Dictionary

FOLDS = 5
#: Draws of random patches that a number which chance gives is the mean of.
DRAWS = 5

Fitted = TypeVar("Fitted")


def without_folds(
    activations: Float[np.ndarray, "patch channel"],
    fit: Callable[[np.ndarray], Fitted],
    *,
    groups: Int[np.ndarray, " patch"],
    seed: int,
) -> tuple[Fitted, ...]:
    """Fit with each of five folds of the photos left out; nothing for one photo, or where ``fit`` refuses a part (AtlasError)."""
    photos = np.unique(groups)
    if len(photos) < 2:
        return ()
    folds = np.array_split(np.random.default_rng(seed).permutation(photos), min(FOLDS, len(photos)))
    return _all(fit, [activations[~np.isin(groups, fold)] for fold in folds])


def on_halves(
    activations: Float[np.ndarray, "patch channel"],
    fit: Callable[[np.ndarray], Fitted],
    *,
    groups: Int[np.ndarray, " patch"],
    seed: int,
) -> tuple[Fitted, ...]:
    """Fit on two halves of the photos that share none; nothing for one photo, or where ``fit`` refuses a half (AtlasError)."""
    photos = np.unique(groups)
    if len(photos) < 2:
        return ()
    half = np.random.default_rng(seed).permutation(photos)[: len(photos) // 2]
    inside = np.isin(groups, half)
    return _all(fit, [activations[inside], activations[~inside]])


def _all(fit: Callable[[np.ndarray], Fitted], parts: list[np.ndarray]) -> tuple[Fitted, ...]:
    try:
        return tuple(fit(part) for part in parts)
    except AtlasError:
        return ()


def random_patches(activations: Float[np.ndarray, "patch channel"], concepts: int, *, seed: int) -> tuple[Dictionary, ...]:
    """Draw dictionaries whose atoms are random patches, scaled to unit norm and rounded as atoms are stored.

    Returns:
        ``DRAWS`` of them, no patch twice in one; none where there are fewer patches than concepts, or one is all zero.
    """
    norms = np.linalg.norm(activations, axis=1)
    usable = np.flatnonzero(norms > 0)
    if len(usable) < concepts:
        return ()
    random = np.random.default_rng(seed)
    drawn = [random.choice(usable, concepts, replace=False) for _ in range(DRAWS)]
    return tuple(_patches(activations[rows] / norms[rows, None]) for rows in drawn)


def _patches(atoms: Float[np.ndarray, "concept channel"]) -> Dictionary:
    stored = atoms.astype(np.float16).astype(np.float32)
    return Dictionary("nmf", stored)  # codes by non-negative least squares
