"""Saliency: φ_i = |∂F/∂u_i|, in logits per unit of code (Simonyan, Vedaldi & Zisserman, ICLR context 2014).

It ignores how much of a concept there is, and the sign of what it does.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from precompute.importance.base import AffineHead, ConceptHead, over_positions


def estimate(
    codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
) -> Float[np.ndarray, "photo concept"]:
    """Return |slope|, the same for every photo where the head is affine. Exact: ``seed`` changes nothing."""
    if isinstance(head, AffineHead):
        return np.tile(abs(head.slope), (len(codes), 1))
    return abs(over_positions(head.gradient(codes)))
