"""Gradient × Input: φ_i = u_i ∂F/∂u_i.

Shrikumar, Greenside & Kundaje, *Learning Important Features Through Propagating Activation Differences* (ICML 2017).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from precompute.importance.base import AffineHead, ConceptHead, over_positions


def estimate(
    codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
) -> Float[np.ndarray, "photo concept"]:
    """Return φ in logits: the contribution itself where the head is affine. Exact: ``seed`` changes nothing."""
    if isinstance(head, AffineHead):
        return head.contributions(codes)
    return over_positions(codes * head.gradient(codes))
