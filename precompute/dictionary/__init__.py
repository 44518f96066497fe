"""Dictionary methods: A ≈ U V under a constraint. Add one: write a module with ``fit`` and ``encode``, list it here."""

from precompute.dictionary import kmeans, nmf, pca, sae, semi_nmf
from precompute.dictionary.base import Dictionary, DictionaryMethod

METHODS: dict[str, DictionaryMethod] = {"kmeans": kmeans, "pca": pca, "nmf": nmf, "semi_nmf": semi_nmf, "sae": sae}

__all__ = ["METHODS", "Dictionary", "DictionaryMethod"]
