"""Codes that may not be negative: least squares with the atoms held fixed.

Notation: min over U ≥ 0 of ‖A − U V‖²_F, row by row; G = V Vᵀ, B = A Vᵀ.
Cyclic coordinate descent on the normal equations (as in Hsieh & Dhillon, KDD 2011), all rows at once.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

_EPS = 1e-12
_BLOCK = 8192


def solve(
    activations: Float[np.ndarray, "patch channel"],
    atoms: Float[np.ndarray, "concept channel"],
    *,
    sweeps: int = 500,
    tolerance: float = 1e-5,
) -> Float[np.ndarray, "patch concept"]:
    """Return the non-negative codes of ``activations`` for fixed ``atoms``.

    Stops when the largest change of a sweep falls below ``tolerance`` times the largest code, or after ``sweeps``.
    Rows are independent; blocks of them bound the memory.
    """
    gram = atoms.astype(np.float64) @ atoms.T.astype(np.float64)
    blocks = [
        _solve_block(activations[i : i + _BLOCK] @ atoms.T, gram, sweeps=sweeps, tolerance=tolerance)
        for i in range(0, len(activations), _BLOCK)
    ]
    return np.concatenate(blocks) if blocks else np.zeros((0, len(atoms)), np.float32)


def _solve_block(
    targets: Float[np.ndarray, "patch concept"],
    gram: Float[np.ndarray, "concept concept"],
    *,
    sweeps: int,
    tolerance: float,
) -> Float[np.ndarray, "patch concept"]:
    B = np.ascontiguousarray(targets.T, dtype=np.float64)  # (concept, patch): a concept is contiguous
    U = np.zeros_like(B)
    diagonal = np.maximum(np.diag(gram), _EPS)
    for _ in range(sweeps):
        change = 0.0
        for i in range(len(U)):
            new = np.maximum(U[i] + (B[i] - gram[i] @ U) / diagonal[i], 0.0)
            change = max(change, float(np.abs(new - U[i]).max(initial=0.0)))
            U[i] = new
        if change <= tolerance * max(float(U.max(initial=0.0)), _EPS):
            break
    return U.T.astype(np.float32)
