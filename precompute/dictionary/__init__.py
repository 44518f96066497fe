"""Dictionary methods: A ≈ U V under a constraint. Add one: write a module with ``fit`` and ``encode``, list it here."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from precompute.dictionary import kmeans, nmf, pca, sae, semi_nmf
from precompute.dictionary.base import Dictionary, DictionaryMethod, require_non_negative

METHODS: dict[str, DictionaryMethod] = {"kmeans": kmeans, "pca": pca, "nmf": nmf, "semi_nmf": semi_nmf, "sae": sae}

#: What a method refuses whatever the number of photos and concepts: activations (patch, channel) → AtlasError, or nothing.
REFUSALS: dict[str, Callable[[np.ndarray], None]] = {"nmf": require_non_negative}


def codes_of(activations: Float[np.ndarray, "patch channel"], dictionary: Dictionary) -> Float[np.ndarray, "patch concept"]:
    """Return the codes of activations under a dictionary, by the method that made it."""
    return METHODS[dictionary.method].encode(activations, dictionary)


__all__ = ["METHODS", "REFUSALS", "Dictionary", "DictionaryMethod", "codes_of"]
