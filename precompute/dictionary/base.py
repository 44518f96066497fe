"""What every dictionary method offers.

Notation: A (n, p) activations, U (n, k) codes, V (k, p) atoms, A ≈ U V (+ offset).
A method is a module with two functions, ``fit`` and ``encode``; the modules are listed in ``precompute.dictionary.METHODS``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from atlas.schema import AtlasError

_EPS = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Dictionary:
    """A fitted dictionary: unit-norm atoms, the method that encodes with them, and what it needs besides."""

    method: str  # of METHODS
    atoms: Float[np.ndarray, "concept channel"]
    offset: Float[np.ndarray, " channel"] | None = None  # A ≈ U V + offset; only where A was centred
    encoder: dict[str, np.ndarray] = field(default_factory=dict)


@runtime_checkable
class DictionaryMethod(Protocol):
    """A dictionary method: a module of this package."""

    def fit(self, activations: Float[np.ndarray, "patch channel"], *, concepts: int, seed: int) -> Dictionary:
        """Fit ``concepts`` unit-norm atoms. AtlasError where the method does not apply."""

    def encode(
        self, activations: Float[np.ndarray, "patch channel"], dictionary: Dictionary
    ) -> Float[np.ndarray, "patch concept"]:
        """Solve for the codes of new activations, the atoms held fixed."""


def unit_atoms(
    codes: Float[np.ndarray, "patch concept"], atoms: Float[np.ndarray, "concept channel"]
) -> tuple[Float[np.ndarray, "patch concept"], Float[np.ndarray, "concept channel"]]:
    """Scale atoms to unit norm and move the scale into the codes, so that codes of different concepts compare.

    The product is unchanged. An all-zero atom stays zero.
    """
    norms = np.linalg.norm(atoms, axis=1)
    safe = np.where(norms > _EPS, norms, 1.0)
    return (codes * norms).astype(np.float32), (atoms / safe[:, None]).astype(np.float32)


def require_non_negative(activations: Float[np.ndarray, "patch channel"]) -> None:
    """Refuse activations below zero, for a method whose atoms and codes cannot be.

    Raises:
        AtlasError: a negative activation.
    """
    lowest = float(activations.min(initial=0.0))
    if lowest < 0:
        raise AtlasError(
            f"NMF needs non-negative activations, found a minimum of {lowest:.3g}. "
            "Choose a layer after a ReLU with --layer, or --dictionary semi_nmf."
        )


def require_rank(activations: Float[np.ndarray, "patch channel"], concepts: int, method: str) -> None:
    """Refuse more concepts than the activations can hold.

    Raises:
        AtlasError: ``concepts`` exceeds the number of patches or of channels.
    """
    limit = min(activations.shape)
    if concepts > limit:
        raise AtlasError(
            f"{method} cannot find {concepts} concepts in {activations.shape[0]} patches of {activations.shape[1]} channels "
            f"(at most {limit}). Add photos, or ask for fewer with --concepts or --shared-concepts."
        )
