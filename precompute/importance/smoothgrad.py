"""SmoothGrad: φ_i = E[∂F/∂u_i(u + ε)], ε ~ N(0, (0.2 r)²), in logits per unit of code (Smilkov et al., 2017).

r is the photo's range of codes, max − min: the paper's noise level is relative to it. 50 samples.
The sign is kept, as everywhere here. Codes may turn negative under the noise, as pixels may leave their range in the paper.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from precompute.importance.base import AffineHead, ConceptHead, over_positions

_SAMPLES = 50
_SIGMA = 0.2


def estimate(
    codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
) -> Float[np.ndarray, "photo concept"]:
    """Return the mean slope around each photo; the slope itself where the head is affine."""
    if isinstance(head, AffineHead):
        return np.tile(head.slope, (len(codes), 1))
    rng = np.random.default_rng(seed)
    inner = tuple(range(1, codes.ndim))
    sigma = _SIGMA * (codes.max(axis=inner, keepdims=True) - codes.min(axis=inner, keepdims=True))
    slopes = np.zeros(codes.shape)
    for _ in range(_SAMPLES):
        slopes += head.gradient(codes + sigma * rng.standard_normal(codes.shape[1:]))
    return over_positions(slopes / _SAMPLES)
