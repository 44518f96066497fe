"""Sobol total index: the share of the variance of F(u ⊙ m), m ~ U[0, 1]^k, that any combination with concept i explains; 0 … 1.

Sobol (2001); as attribution: Fel et al., *Look at the Variance!* (NeurIPS 2021); for concepts: CRAFT (CVPR 2023).
Estimated as Jansen (1999) does, φ_i = Σ_d (F(a_d) − F(a_d with coordinate i from b_d))² ÷ (2 D Var F(a)), on D = 32 pairs
of a scrambled Sobol sequence. For an affine head φ_i = c_i² ÷ Σ_j c_j², c the contributions: blind to their sign.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import qmc

from precompute.importance.base import AffineHead, ConceptHead

_DESIGNS = 32
_EPS = 1e-6  # a spread of F below this share of |F| is rounding (float32), not variance


def estimate(
    codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
) -> Float[np.ndarray, "photo concept"]:
    """Return total indices: in closed form where the head is affine, else Jansen's. A logit without variance gives zeros."""
    if isinstance(head, AffineHead):
        squares = head.contributions(codes) ** 2
        total = squares.sum(axis=1, keepdims=True)
        return _ratio(squares, total, total > 0)
    first, second = designs(codes.shape[-1], number=_DESIGNS, seed=seed)
    return jansen(codes, head, first=first, second=second)


def designs(
    concepts: int, *, number: int, seed: int
) -> tuple[Float[np.ndarray, "design concept"], Float[np.ndarray, "design concept"]]:
    """Return the masks a and b: the halves of a scrambled Sobol sequence in 2 k dimensions; ``number`` a power of two."""
    both = qmc.Sobol(2 * concepts, scramble=True, rng=np.random.default_rng(seed)).random(number)
    return both[:, :concepts], both[:, concepts:]


def jansen(
    codes: Float[np.ndarray, "photo *position concept"],
    head: ConceptHead,
    *,
    first: Float[np.ndarray, "design concept"],
    second: Float[np.ndarray, "design concept"],
) -> Float[np.ndarray, "photo concept"]:
    """Return Jansen's estimate of the total indices from the masks a (``first``) and b (``second``), for all photos at once."""
    F = head.masked(codes, first)
    numerator = np.empty((len(codes), first.shape[1]))
    for i in range(first.shape[1]):
        swapped = first.copy()
        swapped[:, i] = second[:, i]
        numerator[:, i] = ((F - head.masked(codes, swapped)) ** 2).mean(axis=1)
    variance = F.var(axis=1, ddof=1, keepdims=True)
    spread = variance > (_EPS * np.abs(F).max(axis=1, keepdims=True)) ** 2
    return _ratio(numerator, 2 * variance, spread)


def _ratio(
    part: Float[np.ndarray, "photo concept"], whole: Float[np.ndarray, "photo 1"], defined: Bool[np.ndarray, "photo 1"]
) -> Float[np.ndarray, "photo concept"]:
    return np.where(defined, part / np.where(defined, whole, 1.0), 0.0)
