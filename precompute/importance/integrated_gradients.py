"""Integrated Gradients: φ_i = u_i ∫₀¹ ∂F/∂u_i(α u) dα, from the baseline 0 (Sundararajan, Taly & Yan, ICML 2017).

The integral is taken at 50 Gauss–Legendre points in t, with α = t³. Completeness: Σ_i φ_i = F(u) − F(0). Steps of equal
length in α miss it where the head normalises (LayerNorm): there nearly all of F happens next to the baseline, and half was lost.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from precompute.importance.base import AffineHead, ConceptHead, over_positions

_STEPS = 50


def estimate(
    codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
) -> Float[np.ndarray, "photo concept"]:
    """Return φ in logits: the contribution itself where the head is affine. Nothing is drawn: ``seed`` changes nothing."""
    if isinstance(head, AffineHead):
        return head.contributions(codes)
    slopes = np.zeros(codes.shape)
    points, weights = np.polynomial.legendre.leggauss(_STEPS)  # on −1 … 1
    t = (points + 1) / 2
    for alpha, weight in zip(t**3, weights / 2 * 3 * t**2, strict=True):
        slopes += head.gradient(alpha * codes) * weight
    return over_positions(codes * slopes)
