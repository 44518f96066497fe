"""Dictionary methods: A ≈ U V under a constraint. Add one: write a module with ``fit`` and ``encode``, list it here."""

from precompute.dictionary import nmf
from precompute.dictionary.base import Dictionary, DictionaryMethod

METHODS: dict[str, DictionaryMethod] = {"nmf": nmf}

__all__ = ["METHODS", "Dictionary", "DictionaryMethod"]
