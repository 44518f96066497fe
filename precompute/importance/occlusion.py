"""Occlusion: φ_i = F(u) − F(u with u_i = 0 at every position), in logits (Zeiler & Fergus, ECCV 2014)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from precompute.importance.base import AffineHead, ConceptHead


def estimate(
    codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
) -> Float[np.ndarray, "photo concept"]:
    """Return φ in logits: the contribution itself where the head is affine. Exact: ``seed`` changes nothing."""
    if isinstance(head, AffineHead):
        return head.contributions(codes)
    k = codes.shape[-1]
    F = head.masked(codes, np.concatenate([np.ones((1, k)), 1.0 - np.eye(k)]))
    drop: np.ndarray = F[:, :1] - F[:, 1:]
    return drop
