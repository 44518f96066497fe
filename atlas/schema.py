"""The domain types every part of the project exchanges, and the one error its users see.

Shapes are written in comments beside the arrays: n photos of a class, k concepts of a dictionary, p channels.
Unknown is ``None``, never 0. Only NumPy and the standard library may be imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

FORMAT_VERSION = "1.0"
SHARED = "shared"

Coverage = Literal["none", "sample", "full"]
Scope = Literal["class", "shared"]

#: A class resting on fewer photos than this is "sample": shown, but never as if measured on hundreds.
FULL_COVERAGE_PHOTOS = 30


class AtlasError(Exception):
    """A mistake or a fault that its message explains: what, what was found, what to do."""


@dataclass(frozen=True, slots=True)
class ImageNetClass:
    """One of the 1000 ImageNet classes; ``wnid`` is its identity, ``name`` what is displayed."""

    class_index: int
    wnid: str
    name: str
    synonyms: tuple[str, ...] = ()
    definition: str = ""
    hypernyms: tuple[str, ...] = ()  # from the most general to the direct one


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A concept of another class with a similar atom, or a class aligned with an atom."""

    id: str  # a concept id, or a wnid
    cosine: float
    background: bool = False  # both ends hold less than 5 % of their class: probably what lies behind


@dataclass(frozen=True, slots=True)
class Concept:
    """One direction found by a dictionary, with what it does for one class (or for all, if shared)."""

    concept_id: str  # "n02086240/3" or "shared/17"
    scope: Scope
    wnid: str | None  # the class the numbers speak of; None for a shared concept on its own
    index: int  # identity within the dictionary, never a rank
    contribution: float | None  # logits, signed, mean over photos
    share: float | None = None  # contribution ÷ sum of the positive contributions
    share_low: float | None = None  # 2.5 % of the bootstrap over photos
    share_high: float | None = None  # 97.5 %
    prevalence: float | None = None  # share of the photos it dominates
    reliability: float | None = None  # accuracy over the photos it dominates; None: dominates none
    stability: float | None = None  # mean matched cosine over refits on folds
    estimators: dict[str, float] = field(default_factory=dict)  # importance by every other estimator
    aligned: tuple[Neighbour, ...] = ()  # classes, by cosine with their head weights
    neighbours: tuple[Neighbour, ...] = ()  # concepts of other classes
    map_x: float | None = None
    map_y: float | None = None
    colour: int = 0  # which colour of the palette: the rank of |contribution| at build time


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a shared concept does for one class (the per-class numbers of a shared dictionary)."""

    index: int
    contribution: float
    share: float | None
    share_low: float | None
    share_high: float | None
    prevalence: float
    reliability: float | None
    estimators: dict[str, float] = field(default_factory=dict)  # importance by every other estimator


@dataclass(frozen=True, slots=True)
class Curve:
    """A faithfulness curve: mean normalised logit after each step, and its area."""

    method: str  # an estimator, or "random"
    measure: Literal["c_deletion", "c_insertion"]
    values: tuple[float, ...]  # k + 1 points
    auc: float


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """One row of the classes table: what was measured on the class as a whole."""

    info: ImageNetClass
    coverage: Coverage
    scope: Scope | None = None  # the dictionary its photos are explained with; None without photos
    n_photos: int = 0
    n_fit: int = 0  # photos the dictionary was fitted on
    n_holdout: int = 0
    accuracy: float | None = None  # over all photos
    accuracy_holdout: float | None = None
    class_logit: float | None = None  # mean over photos
    bias: float | None = None  # the head's bias, in logits
    residual: float | None = None  # mean over photos, in logits
    explained: float | None = None  # mean of 1 − |residual| ÷ |logit − bias|, at least 0 a photo
    explained_shared: float | None = None  # the same by the shared dictionary, where the class has one of its own beside it
    relative_l2: float | None = None
    sparsity: float | None = None
    hoyer: float | None = None
    stability: float | None = None
    fid: float | None = None
    ood: float | None = None
    c_mu_fidelity: float | None = None
    c_mu_fidelity_random: float | None = None
    curves: tuple[Curve, ...] = ()
    nearest_classes: tuple[Neighbour, ...] = ()
    evidence: tuple[Evidence, ...] = ()  # the shared concepts that count most, by |contribution|; none without such a dictionary
    alignment: tuple[float, ...] = ()  # cosine of the class's head weights with every shared atom, 4 decimals
    digest: str = ""  # of everything this class was computed from; the key of a resumed build


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the photos of a class lie in its strategy graph, and what their dots look like."""

    correct: np.ndarray  # (n,) bool
    dominant: np.ndarray  # (n,) int32 concept index
    strategy: np.ndarray  # (n,) int32, −1: in no strategy
    xy: np.ndarray  # (n, 2) float32
    neighbours: tuple[tuple[int, ...], ...]  # (n,) photos that are mutual nearest neighbours

    def __len__(self) -> int:
        return len(self.dominant)


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """All photos of a class, one position per photo in every array."""

    wnid: str
    keys: tuple[str, ...]  # (n,) "<photo set>/<path inside it>"
    split: tuple[str, ...]  # (n,) "fit" or "holdout"
    predicted: np.ndarray  # (n,) int32 class index
    correct: np.ndarray  # (n,) bool
    class_logit: np.ndarray  # (n,) float32, the logit of this class
    bias: np.ndarray  # (n,) float32
    residual: np.ndarray  # (n,) float32: logit − bias − Σ contributions
    codes: np.ndarray  # (n, k) float32, mean over positions
    contributions: np.ndarray  # (n, k) float32, logits
    dominant: np.ndarray  # (n,) int32 concept index
    strategy: np.ndarray  # (n,) int32, −1: in no strategy
    xy: np.ndarray  # (n, 2) float32, 2-D layout
    neighbours: tuple[tuple[int, ...], ...]  # (n,) photos that are mutual nearest neighbours
    heat_concepts: np.ndarray  # (n, m) int32: the concepts with a heat map, by |contribution|
    heat: np.ndarray  # (n, m, h, w) uint8, each scaled to its own maximum

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def layout(self) -> Layout:
        """What the strategy graph draws."""
        return Layout(self.correct, self.dominant, self.strategy, self.xy, self.neighbours)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A cluster of photos that the network recognises for the same reasons."""

    wnid: str
    index: int
    name: str
    size: int
    accuracy: float
    contributions: tuple[float, ...]  # (k,) mean over its photos
    medoids: tuple[int, ...]  # positions of its most central photos


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A crop with a high code of a concept."""

    concept_id: str
    rank: int
    key: str  # of the photo
    box: tuple[int, int, int, int]  # x, y, width, height, in pixels of the original photo
    code: float


@dataclass(frozen=True, slots=True)
class Pictures:
    """Encoded WebP pictures of one class or of the shared dictionary; a missing one is simply absent."""

    class_picture: bytes | None = None  # RGBA feature visualization of the class
    concepts: dict[int, bytes] = field(default_factory=dict)  # RGBA, by concept index
    exemplars: dict[int, bytes] = field(default_factory=dict)  # a row of square crops
    heat: dict[int, bytes] = field(default_factory=dict)  # a row of heat maps, matching the crops
    thumbnails: bytes | None = None  # a grid of square thumbnails, in the order of the photos


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Everything a build publishes at once: a class, or (``record is None``) the shared dictionary."""

    record: ClassRecord | None
    digest: str
    concepts: tuple[Concept, ...] = ()
    photos: Photos | None = None
    strategies: tuple[Strategy, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    atoms: np.ndarray | None = None  # (k, p) float16, unit rows
    arrays: dict[str, np.ndarray] = field(default_factory=dict)  # what else encoding needs: "offset" (p,), an encoder
    pictures: Pictures = field(default_factory=Pictures)
    skipped: dict[str, str] = field(default_factory=dict)  # photo key → why it could not be used

    @property
    def owner(self) -> str:
        """The wnid, or ``"shared"``."""
        return self.record.info.wnid if self.record else SHARED


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """Where photographs came from, and what may be done with them."""

    name: str
    n_photos: int
    licence: str = "not stated"
    attribution: str = "not stated"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an atlas is, and how it came to be."""

    format_version: str
    created: str  # ISO 8601, UTC
    project: dict[str, Any]  # name, version, git revision
    backbone: dict[str, Any]  # name, weights source and sha256, layer, preprocessing, grid
    config: dict[str, Any]
    config_digest: str
    libraries: dict[str, str]
    classes: dict[str, str]  # wnid → "complete", or the reason why it is not
    photo_sets: tuple[PhotoSet, ...]
    publish_photos: Literal["embed", "reference"]
    skipped_photos: dict[str, str]  # photo key → reason
    complete: bool  # every class asked for is published
    shared_digest: str = ""  # of everything the shared dictionary was computed from
    files: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # path → sha256, bytes


def dominant_concept(contributions: np.ndarray) -> np.ndarray:
    """Return the concept each photo leans on most: (n, k) contributions → (n,) indices, ties to the lower."""
    return np.asarray(contributions.argmax(axis=1), np.int32)
