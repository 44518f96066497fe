"""Semi-NMF: min ‖A − U V‖²_F with U ≥ 0 and V free.

Ding, Li & Jordan, *Convex and Semi-Nonnegative Matrix Factorizations* (TPAMI 2010), whose multiplicative rule for U is
slow to converge: here each column of U is minimised exactly in turn (block coordinate descent, as HALS does for NMF:
Cichocki & Phan, 2009), and V is the least-squares solution. Neither step can raise the loss.

Notation: A (n, p), U (n, k), V (k, p), G = V Vᵀ, B = A Vᵀ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from precompute.dictionary import kmeans, nonnegative
from precompute.dictionary.base import Dictionary, require_rank, unit_atoms

_ITERATIONS = 300
_SWEEPS = 3
_TOLERANCE = 1e-5
_CUTOFF = 1e-10  # eigenvalues of Uᵀ U below this share of the largest are no direction at all


class Step(NamedTuple):
    """Where the descent has come to: U, V and ‖A − U V‖²_F."""

    codes: np.ndarray
    atoms: np.ndarray
    loss: float


def fit(activations: Float[np.ndarray, "patch channel"], *, concepts: int, seed: int) -> Dictionary:
    """Fit free atoms under non-negative codes, from the clusters of k-means until the loss falls by less than 1e-5 of itself.

    Starting inside the data lets the atoms open only as far as the loss asks: their cone is far from unique.

    Raises:
        AtlasError: more concepts than the activations can hold.
    """
    require_rank(activations, concepts, "semi_nmf")
    start = kmeans.fit(activations, concepts=concepts, seed=seed)
    last = np.inf
    for step in descend(activations, kmeans.encode(activations, start), start.atoms, iterations=_ITERATIONS):
        if step.loss >= (1 - _TOLERANCE) * last:
            break
        last = step.loss
    return Dictionary(method="semi_nmf", atoms=unit_atoms(step.codes, step.atoms)[1])


def encode(activations: Float[np.ndarray, "patch channel"], dictionary: Dictionary) -> Float[np.ndarray, "patch concept"]:
    """Return the non-negative codes of new activations."""
    return nonnegative.solve(activations, dictionary.atoms)


def descend(
    activations: Float[np.ndarray, "patch channel"],
    codes: Float[np.ndarray, "patch concept"],
    atoms: Float[np.ndarray, "concept channel"],
    *,
    iterations: int,
) -> Iterator[Step]:
    """Yield U, V and the loss after each iteration from ``codes`` and ``atoms`` on; the loss never rises."""
    A, U, V = activations, np.ascontiguousarray(codes.T, np.float64), atoms.astype(np.float64)  # U (concept, patch) here
    energy = float(np.einsum("ij,ij->", A, A, dtype=np.float64))
    for _ in range(iterations):
        G, B = V @ V.T, (A @ V.T.astype(A.dtype)).T.astype(np.float64)
        for _ in range(_SWEEPS):
            _sweep(U, G, B)
        C = (U.astype(A.dtype) @ A).astype(np.float64)
        V = np.linalg.pinv(U @ U.T, rcond=_CUTOFF, hermitian=True) @ C  # least squares; an unused concept's atom becomes zero
        loss = energy - 2 * float((C * V).sum()) + float(((U @ U.T) * (V @ V.T)).sum())
        yield Step(U.T.astype(np.float32), V.astype(np.float32), max(loss, 0.0))


def _sweep(
    U: Float[np.ndarray, "concept patch"], G: Float[np.ndarray, "concept concept"], B: Float[np.ndarray, "concept patch"]
) -> None:
    """Minimise the loss over each concept's codes in turn, in place."""
    for i in range(len(U)):
        if G[i, i] > 0:
            U[i] = np.maximum(U[i] + (B[i] - G[i] @ U) / G[i, i], 0.0)
