"""What a class page shows, gathered once: the values that its components take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from atlas.schema import ClassRecord, Concept, Exemplar, ImageNetClass, Photos, Strategy


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that can be asked for, with its size in pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class ConceptPictures:
    """All pictures of a concept."""

    visualization: Picture | None = None
    exemplars: Picture | None = None  # a row of square crops
    heat: Picture | None = None  # a row of heat maps, matching the crops
    crops: tuple[Picture, ...] = ()  # cut on demand, when the atlas withholds its photos


@dataclass(frozen=True, slots=True)
class AlignedConcept:
    """A shared concept of a class: how far it points the way of its weights, and what it counts where photos tell."""

    concept: Concept
    cosine: float | None
    picture: Picture | None = None
    contribution: float | None = None  # logits, mean over the photos of the class


#: Where the photographs of a class are shown from.
PhotoSource = Literal["thumbnails", "reader", "withheld"]


@dataclass(frozen=True, slots=True)
class ClassView:
    """One class with its concepts, photos, strategies and pictures."""

    atlas: str
    record: ClassRecord
    concepts: tuple[Concept, ...] = ()  # by contribution
    photos: Photos | None = None
    strategies: tuple[Strategy, ...] = ()
    portrait: Picture | None = None  # the class picture
    thumbnails: Picture | None = None
    pictures: Mapping[int, ConceptPictures] = field(default_factory=dict)  # by concept index
    exemplars: Mapping[int, tuple[Exemplar, ...]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # wnid → name, of all 1000 classes
    class_names: Sequence[str] = ()  # of all 1000 classes, by class index
    held: frozenset[str] = frozenset()  # the classes this atlas has a page for
    shared: int = 0  # how many concepts the shared dictionary holds
    aligned: tuple[AlignedConcept, ...] = ()  # shared concepts beside the class's own
    previous: ImageNetClass | None = None
    following: ImageNetClass | None = None
    photo_source: PhotoSource = "withheld"
    data_url: str = ""  # the photos as JSON
    backbone: str = ""
    created: str = ""  # when the atlas was built, ISO 8601

    @property
    def colours(self) -> dict[int, int]:
        """Concept index → colour index."""
        return {concept.index: concept.colour for concept in self.concepts}
