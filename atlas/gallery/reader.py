"""A store that remembers what it last read: all pages of a class are written one after another."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from atlas.schema import Concept, Exemplar, Photos, Strategy
from atlas.store import Store

_CLASSES = 2  # the class being written, and one for luck
_CONCEPTS = 64


class RecentStore(Store):
    """A store that keeps the parts of the last classes."""

    def __init__(self, root: Path | str) -> None:
        super().__init__(root)
        self._recent_photos = lru_cache(_CLASSES)(super().photos)
        self._recent_concepts = lru_cache(_CLASSES)(super().concepts)
        self._recent_strategies = lru_cache(_CLASSES)(super().strategies)
        self._recent_exemplars = lru_cache(_CONCEPTS)(super().exemplars)

    def photos(self, wnid: str) -> Photos | None:
        """Return the photos of a class, or None if it has none."""
        return self._recent_photos(wnid)

    def concepts(self, wnid: str) -> tuple[Concept, ...]:
        """Return the concepts that explain a class, by contribution (largest first)."""
        return self._recent_concepts(wnid)

    def strategies(self, wnid: str) -> tuple[Strategy, ...]:
        """Return the strategies of a class, the largest first."""
        return self._recent_strategies(wnid)

    def exemplars(self, concept_id: str) -> tuple[Exemplar, ...]:
        """Return the exemplars of a concept, by rank."""
        return self._recent_exemplars(concept_id)
