"""Principal components: min ‖A − 1 μᵀ − U V‖²_F with V Vᵀ = I (Pearson, 1901; as concepts: Zhang et al., ICE, AAAI 2021).

Notation: μ (p,) the mean activation, kept as the dictionary's ``offset``; V the k leading eigenvectors of (A − μ)ᵀ (A − μ).
Codes are dense and signed, and centred on the patches of the fit.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from jaxtyping import Float

from precompute.dictionary.base import Dictionary, require_rank

_BLOCK = 8192


def fit(activations: Float[np.ndarray, "patch channel"], *, concepts: int, seed: int) -> Dictionary:
    """Fit orthonormal atoms, in order of the variance they explain. Exact: ``seed`` changes nothing.

    The sign of a component means nothing to the loss; it is chosen so that its codes have their longer tail above zero,
    which makes a high code the rarer, telling event.

    Raises:
        AtlasError: more concepts than the activations can hold.
    """
    require_rank(activations, concepts, "pca")
    mean = activations.mean(axis=0, dtype=np.float64)
    _, columns = scipy.linalg.eigh(_scatter(activations, mean), subset_by_index=(len(mean) - concepts, len(mean) - 1))
    V = columns.T[::-1].astype(np.float32)
    codes = (activations - mean.astype(np.float32)) @ V.T
    sign = np.where((codes.astype(np.float64) ** 3).sum(axis=0) < 0, np.float32(-1), np.float32(1))
    return Dictionary(method="pca", atoms=V * sign[:, None], offset=mean.astype(np.float32))


def encode(activations: Float[np.ndarray, "patch channel"], dictionary: Dictionary) -> Float[np.ndarray, "patch concept"]:
    """Project new activations, less the mean of the fit, on the atoms."""
    V = dictionary.atoms
    offset = np.zeros(V.shape[1], np.float32) if dictionary.offset is None else dictionary.offset
    codes: np.ndarray = (activations - offset) @ V.T
    return codes


def _scatter(
    activations: Float[np.ndarray, "patch channel"], mean: Float[np.ndarray, " channel"]
) -> Float[np.ndarray, "channel channel"]:
    """Return (A − μ)ᵀ (A − μ) in float64, by blocks that bound the memory."""
    total = np.zeros((len(mean), len(mean)))
    for i in range(0, len(activations), _BLOCK):
        centred = activations[i : i + _BLOCK] - mean
        total += centred.T @ centred
    return total
