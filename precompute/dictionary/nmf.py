"""Non-negative matrix factorisation: min ‖A − U V‖²_F with U ≥ 0 and V ≥ 0 (CRAFT; Fel et al., CVPR 2023)."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from precompute.dictionary import nonnegative
from precompute.dictionary.base import Dictionary, require_non_negative, require_rank, unit_atoms


def fit(activations: Float[np.ndarray, "patch channel"], *, concepts: int, seed: int) -> Dictionary:
    """Fit a non-negative dictionary (scikit-learn's coordinate descent, started from nndsvda).

    Raises:
        AtlasError: a negative activation, or more concepts than the activations can hold.
    """
    require_non_negative(activations)
    require_rank(activations, concepts, "nmf")
    model = NMF(concepts, init="nndsvda", solver="cd", tol=1e-4, max_iter=200, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last tenth of a percent is not worth an error
        codes = model.fit_transform(activations)
    return Dictionary(method="nmf", atoms=unit_atoms(codes, model.components_)[1])


def encode(activations: Float[np.ndarray, "patch channel"], dictionary: Dictionary) -> Float[np.ndarray, "patch concept"]:
    """Return the non-negative codes of new activations."""
    return nonnegative.solve(activations, dictionary.atoms)
