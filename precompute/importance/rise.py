"""RISE: φ_i = E[F(u ⊙ m) | m_i = 1] − E[F(u ⊙ m)], m_i ~ Bernoulli(½), in logits (Petsiuk, Das & Saenko, BMVC 2018).

The paper stops at the first term. The second is the same for every concept of a photo, so it changes no ranking; less it,
a concept that the head ignores has importance 0. For an affine head φ_i = ½ ū_i slope_i.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from precompute.importance.base import AffineHead, ConceptHead

_MASKS = 1024


def estimate(
    codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
) -> Float[np.ndarray, "photo concept"]:
    """Return φ in logits: exact where the head is affine or has at most 10 concepts, else from 1024 random masks."""
    if isinstance(head, AffineHead):
        return 0.5 * head.contributions(codes)
    return over_masks(codes, head, masks=_masks(codes.shape[-1], seed))


def over_masks(
    codes: Float[np.ndarray, "photo *position concept"],
    head: ConceptHead,
    *,
    masks: Float[np.ndarray, "design concept"],
) -> Float[np.ndarray, "photo concept"]:
    """Return φ as the mean logit over the masks that keep each concept, less the mean over all of them."""
    F = head.masked(codes, masks)
    F = F - F.mean(axis=1, keepdims=True)
    phi: np.ndarray = F @ masks / masks.sum(axis=0)
    return phi


def _masks(concepts: int, seed: int) -> Float[np.ndarray, "design concept"]:
    """Return every mask there is, if they are few, else random ones."""
    if 2**concepts <= _MASKS:
        return (np.arange(2**concepts)[:, None] >> np.arange(concepts) & 1).astype(np.float64)
    return (np.random.default_rng(seed).random((_MASKS, concepts)) < 0.5).astype(np.float64)
