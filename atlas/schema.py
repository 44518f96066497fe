"""The domain types every part of the project exchanges, and the one error its users see.

Shapes are written in comments beside the arrays: n photos of a class, k concepts of a dictionary, p channels.
Unknown is ``None``, never 0. Only NumPy and the standard library may be imported here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

FORMAT_VERSION = "1.2"
#: The last minor version that changed what a result says: results of it and of later ones may stand in one atlas.
RESULTS_VERSION = "1.1"
SHARED = "shared"
_CLASS_ID = re.compile(r"n[0-9]{8}")

Coverage = Literal["none", "sample", "full"]
Scope = Literal["class", "shared"]

#: Curves that are not those of an estimator, photo by photo: the ranking of the class as it is shown; a random ranking; random
#: patches taken for atoms, ranked photo by photo.
CLASS_RANKING, RANDOM, RANDOM_PATCHES = "class_ranking", "random", "random_patches"

#: A logit that is no further above the bias cannot be divided by.
LEAST_LOGIT = 1e-6

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
    share: float | None = None  # contribution ÷ (class logit − bias); with what is unexplained they add up to 1
    share_low: float | None = None  # 2.5 % of resampled photos and refits of the dictionary
    share_high: float | None = None  # 97.5 %
    prevalence: float | None = None  # share of the photos it dominates
    reliability: float | None = None  # accuracy over the photos it dominates; None: dominates none
    dominates: int | None = None  # photos it dominates
    dominates_holdout: int | None = None  # held-out photos it dominates
    reliability_holdout: float | None = None  # accuracy over these; None: dominates none
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
    dominates: int | None = None
    dominates_holdout: int | None = None
    reliability_holdout: float | None = None
    estimators: dict[str, float] = field(default_factory=dict)  # importance by every other estimator


@dataclass(frozen=True, slots=True)
class Curve:
    """A faithfulness curve: mean normalised logit after each step, and its area."""

    method: str  # an estimator, or one of CLASS_RANKING, RANDOM, RANDOM_PATCHES
    measure: Literal["c_deletion", "c_insertion"]
    values: tuple[float, ...]  # k + 1 points
    auc: float


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """One row of the classes table: what was measured on the class as a whole.

    Means over photos are over those of the fit split (over all, where a class has none); what ends in ``_holdout`` is over the
    photos that were held out, which nothing was fitted on. What ends in ``_random`` is the same number of random patches taken
    for atoms: what chance gives.
    """

    info: ImageNetClass
    coverage: Coverage
    scope: Scope | None = None  # the dictionary its photos are explained with; None without photos
    n_photos: int = 0
    n_fit: int = 0  # photos the dictionary was fitted on
    n_holdout: int = 0
    accuracy_fit: float | None = None  # over the fit split: the network may have been trained on these photos
    accuracy_holdout: float | None = None
    class_logit: float | None = None  # mean over photos
    bias: float | None = None  # the logit without any concept: the head's bias, and the offset of a centred dictionary
    residual: float | None = None  # mean over photos, in logits
    explained: float | None = None  # mean of 1 − |residual| ÷ |logit − bias|, at least 0 a photo
    explained_holdout: float | None = None
    explained_random: float | None = None  # on the held-out photos, where there are any
    explained_shared: float | None = None  # the same by the shared dictionary, where the class has one of its own beside it
    relative_l2: float | None = None  # of the crops the dictionary was fitted on
    relative_l2_random: float | None = None
    relative_l2_positions: float | None = None  # of every position of whole photos
    relative_l2_means: float | None = None  # of photo means, which is what an affine head sees
    sparsity: float | None = None
    hoyer: float | None = None
    stability: float | None = None  # mean matched cosine of refits that share three quarters of their photos
    stability_halves: float | None = None  # of refits on disjoint halves of the photos
    stability_random: float | None = None  # of two draws of random patches: the floor
    fid: float | None = None
    fid_random: float | None = None
    ood: float | None = None
    ood_random: float | None = None
    c_mu_fidelity: float | None = None  # where the head is affine it is 1 by construction, and not measured
    c_mu_fidelity_random: float | None = None
    agreement: float | None = None  # Spearman correlation of importance between estimators, mean over pairs and photos
    refits: int = 0  # of the dictionary, that the intervals of shares include; 0: over photos alone
    groups: int | None = None  # clusters of photos that come back when photos are resampled
    groups_expected: float | None = None  # as many come back in a Gaussian of the same mean and covariance
    curves: tuple[Curve, ...] = ()
    nearest_classes: tuple[Neighbour, ...] = ()
    evidence: tuple[Evidence, ...] = ()  # the shared concepts that count most, by |contribution|; none without such a dictionary
    alignment: tuple[float, ...] = ()  # cosine of the class's head weights with every shared atom, 4 decimals
    digest: str = ""  # of everything this class was computed from; the key of a resumed build

    @property
    def n_fit_split(self) -> int:
        """How many photos are not held out; some of them may not have been fitted on."""
        return self.n_photos - self.n_holdout

    @property
    def unexplained(self) -> float | None:
        """The share of the logit above the bias that no concept accounts for; None if that logit is unknown or not above it."""
        if self.class_logit is None or self.bias is None or self.residual is None:
            return None
        above = self.class_logit - self.bias
        return self.residual / above if above > LEAST_LOGIT else None


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the photos of a class lie in its strategy graph, and what their dots look like."""

    holdout: np.ndarray  # (n,) bool: placed afterwards
    correct: np.ndarray  # (n,) bool
    dominant: np.ndarray  # (n,) int32 concept index, −1: no concept raises the logit
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
    dominant: np.ndarray  # (n,) int32 concept index, −1: no concept raises the logit
    strategy: np.ndarray  # (n,) int32, −1: in no strategy
    xy: np.ndarray  # (n, 2) float32, 2-D layout
    neighbours: tuple[tuple[int, ...], ...]  # (n,) photos that are mutual nearest neighbours
    heat_concepts: np.ndarray  # (n, m) int32: the concepts with a heat map, by |contribution|
    heat: np.ndarray  # (n, m, h, w) uint8, each scaled to its own maximum

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def basis(self) -> np.ndarray:
        """(n,) bool: the photos that means over the class are over: those not held out, or all where every one is."""
        return basis(self.split)

    @property
    def layout(self) -> Layout:
        """What the strategy graph draws."""
        holdout = np.array([part == "holdout" for part in self.split], bool)
        return Layout(holdout, self.correct, self.dominant, self.strategy, self.xy, self.neighbours)


@dataclass(frozen=True, slots=True)
class Strategy:
    """A cluster of photos that the network recognises for the same reasons."""

    wnid: str
    index: int
    name: str
    size: int  # photos that are not held out
    accuracy: float  # over these
    contributions: tuple[float, ...]  # (k,) mean over these
    medoids: tuple[int, ...]  # positions of its most central photos
    recurrence: float | None = None  # mean Jaccard index of its photos with a group of resampled photos
    size_holdout: int = 0  # held-out photos placed in it afterwards
    accuracy_holdout: float | None = None
    mistake: int | None = None  # class index that its photos are most often taken for; None: they are all recognised
    mistakes: int = 0  # how many of its photos are taken for that, held out or not


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


def is_class_id(text: object) -> bool:
    """Return whether something can be the identity of a class, which names files and addresses: ``n`` and eight digits."""
    return isinstance(text, str) and _CLASS_ID.fullmatch(text) is not None


def basis(split: Sequence[str]) -> np.ndarray:
    """Return which photos means over a class are over: (n,) bool, those not held out, or all where every one is."""
    fit = np.array([part != "holdout" for part in split], bool)
    return fit if fit.any() else ~fit


def dominant_concept(contributions: np.ndarray) -> np.ndarray:
    """Return the concept each photo leans on most: (n, k) contributions → (n,) indices, ties to the lower.

    A photo that no concept raises the logit of leans on none: −1.
    """
    return np.where(contributions.max(axis=1, initial=0.0) > 0, contributions.argmax(axis=1), -1).astype(np.int32)
