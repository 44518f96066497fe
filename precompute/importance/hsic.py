"""HSIC: the dependence of F(u ⊙ m) on whether a concept is there, m_i ~ Bernoulli(½); 0 for none.

Novello, Fel & Vigouroux, *Making Sense of Dependence* (NeurIPS 2022). φ_i = Tr(K_i H L H) ÷ (D − 1)² over D masks, K_i
the Dirac kernel of m_i, L the Gaussian kernel of F with its standard deviation over the masks as bandwidth (so φ has no
unit), H the centring matrix.

Neither K nor L is ever formed. With z = m − mean(m), H K_i H = 2 z_i z_iᵀ; and by Bochner's theorem the Gaussian kernel
is a mean of cosines over normal frequencies, exp(−x²/2) = E_t[cos t x]. So, with y = F ÷ bandwidth,
    φ_i = 2 E_t |Σ_d z_di exp(i t y_d)|² ÷ (D − 1)²,
a one-dimensional integral by Q nodes: D·Q operations a photo instead of D². For an affine head with contributions c, and
a = c ÷ bandwidth, the sum over masks is an expectation with a closed form:
    φ_i = ½ E_t[sin²(t a_i / 2) Π_{j≠i} cos²(t a_j / 2)].
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.stats import qmc

from precompute.importance.base import AffineHead, ConceptHead

_DESIGNS = 500
_STEP = 0.15  # of the frequencies: the rule is exact to 1e-8 while |y − y'| < 2π/0.15 − 6 = 35 deviations; 500 designs reach 32
_HIGHEST = 6.3
_EPS = 1e-6  # a spread of F below this share of |F| is rounding (float32), not dependence


def estimate(
    codes: Float[np.ndarray, "photo *position concept"], head: ConceptHead, *, seed: int
) -> Float[np.ndarray, "photo concept"]:
    """Return φ: over all masks in closed form where the head is affine, else over 500. A constant logit gives zeros."""
    if isinstance(head, AffineHead):
        return _closed_form(head.contributions(codes))
    masks = designs(codes.shape[-1], number=_DESIGNS, seed=seed)
    return dependence(head.masked(codes, masks), masks)


def designs(concepts: int, *, number: int, seed: int) -> Float[np.ndarray, "design concept"]:
    """Return binary masks from a Latin hypercube, as the paper draws them: each concept is there in half of them."""
    points: np.ndarray = qmc.LatinHypercube(concepts, rng=np.random.default_rng(seed)).random(number)
    return (points < 0.5).astype(np.float64)


def dependence(
    logits: Float[np.ndarray, "photo design"], masks: Float[np.ndarray, "design concept"]
) -> Float[np.ndarray, "photo concept"]:
    """Return the HSIC of each photo's logits with each column of the binary masks."""
    z = masks - masks.mean(axis=0)
    deviation = logits.std(axis=1, keepdims=True)
    spread = deviation > _EPS * np.abs(logits).max(axis=1, keepdims=True)
    y = np.divide(logits - logits.mean(axis=1, keepdims=True), deviation, out=np.zeros_like(logits), where=spread)
    total = np.zeros((len(logits), masks.shape[1]))
    wave, turn = np.ones_like(y, dtype=complex), np.exp(1j * _STEP * y)
    for weight in _frequencies()[1]:
        total += weight * abs(wave @ z) ** 2
        wave *= turn  # exp(i t y) at the next frequency
    phi: np.ndarray = np.where(spread, 2 * total / (len(masks) - 1) ** 2, 0.0)
    return phi


def _closed_form(contributions: Float[np.ndarray, "photo concept"]) -> Float[np.ndarray, "photo concept"]:
    deviation = 0.5 * np.sqrt((contributions**2).sum(axis=1, keepdims=True))
    a = np.divide(contributions, deviation, out=np.zeros_like(contributions), where=deviation > 0)
    total: np.ndarray = np.zeros_like(a)
    for t, weight in zip(*_frequencies(), strict=True):
        total += weight * np.sin(t * a / 2) ** 2 * _product_of_others(np.cos(t * a / 2) ** 2)
    return total / 2


def _product_of_others(values: Float[np.ndarray, "photo concept"]) -> Float[np.ndarray, "photo concept"]:
    """Return Π_{j≠i} of each row without dividing: what stands before i times what stands after."""
    ones = np.ones((len(values), 1))
    before = np.cumprod(np.concatenate([ones, values[:, :-1]], axis=1), axis=1)
    after = np.cumprod(np.concatenate([ones, values[:, :0:-1]], axis=1), axis=1)[:, ::-1]
    product: np.ndarray = before * after
    return product


def _frequencies() -> tuple[Float[np.ndarray, " frequency"], Float[np.ndarray, " frequency"]]:
    """Return t ≥ 0 and the weights of E_t[g(t)] for an even g and a standard normal t."""
    t = np.arange(0.0, _HIGHEST + _STEP / 2, _STEP)
    weights = np.exp(-(t**2) / 2)
    weights[0] /= 2
    return t, weights / weights.sum()
