"""A store and an album that remember what they last read: all pages of a class are written one after another."""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path

from atlas.format import Store
from atlas.schema import ClassRecord, Concept, Exemplar, Photos, Strategy
from atlas.site.class_view import Picture
from atlas.site.context import Album

_CLASSES = 2  # the class being written, and one for luck
_CONCEPTS = 64
_PICTURES = 256


class RecentStore(Store):
    """A store that keeps the parts of the last classes."""

    def __init__(self, root: Path | str) -> None:
        super().__init__(root)
        self._name = super().name
        self._recent_photos = lru_cache(_CLASSES)(super().photos)
        self._recent_concepts = lru_cache(_CLASSES)(super().concepts)
        self._recent_strategies = lru_cache(_CLASSES)(super().strategies)
        self._recent_exemplars = lru_cache(_CONCEPTS)(super().exemplars)

    @property
    def name(self) -> str:
        """The folder's name: the first part of every address."""
        return self._name

    @cached_property
    def records(self) -> dict[str, ClassRecord]:
        """Every class of the atlas, by wnid, in order of class index; all are needed, again and again."""
        return dict(super().records)

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


class RecentAlbum(Album):
    """An album that keeps the pictures of the last classes."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._recent_pictures = lru_cache(_PICTURES)(super().picture)

    def picture(self, name: str | None) -> Picture | None:
        """Return a picture by its name in the atlas."""
        return self._recent_pictures(name)
