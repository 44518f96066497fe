"""How good is a dictionary? Numbers that do not look at a class logit.

Notation: A (n, p) activations; U (n, k) codes; V (k, p) atoms; Â = U V (+ offset) the reconstruction. The choice of measures
follows Fel et al., *A Holistic Approach …* (NeurIPS 2023). Each is ``None`` where it is not defined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

_NEIGHBOURS = 10
_BLOCK = 2048
_EPS = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """How much of a dictionary comes back when part of the photos is left out: cosines, 1 for all of it."""

    overall: float  # mean over pairs of refits
    concepts: Float[np.ndarray, " concept"]  # of each atom of the full fit, mean over refits


def relative_l2(
    activations: Float[np.ndarray, "patch channel"], reconstruction: Float[np.ndarray, "patch channel"]
) -> float | None:
    """Return ‖A − Â‖_F ÷ ‖A‖_F: 0 for a perfect reconstruction, 1 for none at all. Undefined if A is all zero."""
    norm = float(np.linalg.norm(activations))
    return float(np.linalg.norm(activations - reconstruction)) / norm if norm > 0 else None


def sparsity(codes: Float[np.ndarray, "patch concept"]) -> float | None:
    """Return the share of codes that are exactly zero, 0 … 1."""
    return float((codes == 0).mean()) if codes.size else None


def hoyer(codes: Float[np.ndarray, "patch concept"]) -> float | None:
    """Return the mean over patches of (√k − ‖u‖₁ ÷ ‖u‖₂) ÷ (√k − 1): 0 if all codes are equal, 1 if one alone is not zero.

    Patches without any code are left out; undefined if all are, or for a single concept. Hoyer, *Non-negative Matrix
    Factorization with Sparseness Constraints* (JMLR 2004).
    """
    used = codes[(codes != 0).any(axis=1)].astype(np.float64)
    root = np.sqrt(codes.shape[1])
    if not len(used) or root <= 1:
        return None
    return float(((root - abs(used).sum(axis=1) / np.linalg.norm(used, axis=1)) / (root - 1)).mean())


def stability(
    atoms: Float[np.ndarray, "concept channel"], refits: Sequence[Float[np.ndarray, "concept channel"]]
) -> Stability | None:
    """Return how much of a dictionary its refits on parts of the photos find again; ``None`` with fewer than two of them."""
    overall = likeness(refits)
    if overall is None:
        return None
    return Stability(overall, np.mean([matched_cosines(atoms, refit) for refit in refits], axis=0))


def likeness(dictionaries: Sequence[Float[np.ndarray, "concept channel"]]) -> float | None:
    """Return the mean matched cosine over all pairs of dictionaries, −1 … 1; ``None`` with fewer than two."""
    pairs = [matched_cosines(first, second).mean() for i, first in enumerate(dictionaries) for second in dictionaries[:i]]
    return float(np.mean(pairs)) if pairs else None


def partners(
    first: Float[np.ndarray, "concept channel"], second: Float[np.ndarray, "concept channel"]
) -> Int[np.ndarray, " concept"]:
    """Return which atom of ``second`` each of ``first`` is paired with, at the least Σ (1 − cos) (Hungarian method)."""
    return np.asarray(linear_sum_assignment(1 - _unit(first) @ _unit(second).T)[1])


def matched_cosines(
    first: Float[np.ndarray, "concept channel"], second: Float[np.ndarray, "concept channel"]
) -> Float[np.ndarray, " concept"]:
    """Return the cosine of each atom of ``first`` with its partner; an all-zero atom has cosine 0 with every other."""
    matched: np.ndarray = (_unit(first) * _unit(second)[partners(first, second)]).sum(axis=1)
    return matched


def fid(activations: Float[np.ndarray, "patch channel"], reconstruction: Float[np.ndarray, "patch channel"]) -> float | None:
    """Return the 1-Wasserstein distance between A and Â, mean over channels, in units of activation; 0: the same distribution."""
    if not activations.size:
        return None
    return float(abs(np.sort(activations, axis=0) - np.sort(reconstruction, axis=0)).mean())


def ood(
    reconstruction: Float[np.ndarray, "patch channel"],
    activations: Float[np.ndarray, "reference channel"],
    held_out: Float[np.ndarray, "held_out channel"],
) -> float | None:
    """Return how far reconstructions lie from real activations, ÷ how far real ones do that were not seen: 1 is as real as real.

    Far is the Euclidean distance to the 10th nearest of ``activations``, all rows scaled to unit norm, mean over rows (Sun et
    al., *Out-of-Distribution Detection with Deep Nearest Neighbors*, ICML 2022). Undefined without rows, or if the distance of
    ``held_out`` is 0.
    """
    if not (len(reconstruction) and len(activations) and len(held_out)):
        return None
    reference = _unit(activations)
    real = _neighbour_distance(_unit(held_out), reference)
    return _neighbour_distance(_unit(reconstruction), reference) / real if real > _EPS else None


def _neighbour_distance(rows: Float[np.ndarray, "row channel"], reference: Float[np.ndarray, "reference channel"]) -> float:
    """Return the mean distance of unit rows to their 10th nearest unit reference (the last, if there are fewer)."""
    nth = min(_NEIGHBOURS, len(reference)) - 1
    distances = []
    for i in range(0, len(rows), _BLOCK):
        block = rows[i : i + _BLOCK]
        squares = (block**2).sum(axis=1)[:, None] + (reference**2).sum(axis=1) - 2 * block @ reference.T
        distances.append(np.sqrt(np.maximum(np.partition(squares, nth, axis=1)[:, nth], 0.0)))
    return float(np.concatenate(distances).mean())


def _unit(rows: Float[np.ndarray, "row channel"]) -> Float[np.ndarray, "row channel"]:
    """Scale rows to unit norm, in float64; an all-zero row stays."""
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    unit: np.ndarray = rows / np.where(norms > 0, norms, 1.0)
    return unit
