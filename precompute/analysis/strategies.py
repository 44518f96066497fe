"""The strategies by which photos of a class are recognised: groups, layout and graph of their contributions.

Notation: φ (photo, concept) contributions in logits. Groups and edges live in φ space, the layout only shows it
(Fel et al., NeurIPS 2023, "A Holistic Approach …", section 5: the strategic cluster graph). Groups and layout are those of the
fit photos; held-out photos are placed among them afterwards and judged apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from atlas.schema import Strategy
from precompute.analysis import groups

FEWEST_FOR_TSNE = 12
NEIGHBOURS = 5
MEDOIDS = 3
TOGETHER = 0.2  # a tenth of the layout's width

Layout = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class StrategyGraph:
    """Strategies, and where each photo stands."""

    strategies: tuple[Strategy, ...]  # the largest first
    membership: Int[np.ndarray, " photo"]  # strategy index, −1: in none
    xy: Float[np.ndarray, "photo 2"]
    neighbours: tuple[tuple[int, ...], ...]  # mutual nearest neighbours in φ space, held out or not
    groups: int | None = None  # of fit photos that come back; None: too few photos to look
    groups_expected: float | None = None  # as many come back by chance, on average


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    """The photos of a class, and what they are taken for."""

    wnid: str
    phi: Float[np.ndarray, "photo concept"]
    fit: Bool[np.ndarray, " photo"]
    predicted: Int[np.ndarray, " photo"]
    class_index: int

    @property
    def correct(self) -> Bool[np.ndarray, " photo"]:
        return self.predicted == self.class_index


@dataclass(frozen=True, slots=True, eq=False)
class _Nearest:
    """The fit photos nearest to each held-out one, the nearest first."""

    photos: Int[np.ndarray, "holdout near"]
    distances: Float[np.ndarray, "holdout near"]


def tsne(phi: Float[np.ndarray, "photo concept"], seed: int) -> Float[np.ndarray, "photo 2"]:
    """Lay photos out by t-SNE (PCA start, perplexity min(30, n/4)); by PCA below twelve photos."""
    n = len(phi)
    if n < FEWEST_FOR_TSNE or phi.shape[1] < 2 or _spread(phi) == 0:  # on points that coincide t-SNE crashes the process
        return pca(phi, seed)
    with threadpool_limits(1, "openmp"):  # its sums depend on the number of threads
        model = TSNE(perplexity=min(30, n / 4), init="pca", random_state=seed, n_jobs=1)
        return _unit_box(model.fit_transform(phi))


def pca(phi: Float[np.ndarray, "photo concept"], seed: int) -> Float[np.ndarray, "photo 2"]:
    """Lay photos out by their first two principal components."""
    n = len(phi)
    flat = np.zeros((n, 2), np.float32)
    size = min(2, n, phi.shape[1])
    if n > 1 and _spread(phi) > 0:
        flat[:, :size] = PCA(size, svd_solver="full", random_state=seed).fit_transform(phi)
    return _unit_box(flat)


def _spread(phi: np.ndarray) -> float:
    """Return the largest spread of a concept, relative to its size; rounding counts as none."""
    spread = float(np.ptp(phi, axis=0).max(initial=0.0))
    return spread if spread > 1e-6 * float(np.abs(phi).max(initial=0.0)) else 0.0


#: Ways to lay photos out. Add one: a function (φ, seed) → (photo, 2).
METHODS: dict[str, Layout] = {"tsne": tsne, "pca": pca}


def find(
    wnid: str,
    phi: Float[np.ndarray, "photo concept"],
    *,
    fit: Bool[np.ndarray, " photo"],
    predicted: Int[np.ndarray, " photo"],
    class_index: int,
    seed: int,
    layout: str = "tsne",
) -> StrategyGraph:
    """Group photos by their contributions, lay them out and join mutual nearest neighbours.

    The strategies are the groups of fit photos that come back, if there are more of them than chance gives (``groups``); else
    there are none, and only their number is told. A held-out photo joins the strategy that its neighbours are in.

    Args:
        wnid: The class.
        phi: Contributions of its photos, in logits.
        fit: Which photos are not held out. Where every photo is, they are laid out all the same, without strategies.
        predicted: Index of the class that each photo is taken for.
        class_index: Index of the class itself.
        seed: Of the resamples, the Gaussians and the layout; the photos that are held out change none of these.
        layout: A key of ``METHODS``.
    """
    subject = _Subject(wnid, phi, fit, predicted, class_index)
    membership = np.full(len(phi), -1, np.int32)
    strategies: tuple[Strategy, ...] = ()
    with threadpool_limits(1):  # the last bits of sums depend on the number of threads
        nearest = _nearest(phi[~fit], phi[fit])
        found = groups.find(phi[fit], seed)
        if found and found.beyond_chance:
            membership[fit] = found.membership
            membership[~fit] = _joined(nearest, phi[fit], found.membership)
            strategies = tuple(_describe(subject, i, membership == i, float(back)) for i, back in enumerate(found.recurrence))
        xy = _laid_out(phi, fit, nearest, lambda some: METHODS[layout](some, seed))
        neighbours = _mutual_neighbours(phi)
    expected = None if found is None else found.expected
    return StrategyGraph(strategies, membership, xy, neighbours, None if found is None else len(found), expected)


def _nearest(held: Float[np.ndarray, "holdout concept"], among: Float[np.ndarray, "fit concept"]) -> _Nearest:
    size = min(NEIGHBOURS, len(among))
    if not len(held) or not size:
        return _Nearest(np.zeros((len(held), size), int), np.zeros((len(held), size)))
    distances, photos = NearestNeighbors(n_neighbors=size).fit(among).kneighbors(held)
    return _Nearest(photos, distances.astype(np.float64))


def _joined(
    nearest: _Nearest, phi: Float[np.ndarray, "fit concept"], membership: Int[np.ndarray, " fit"]
) -> Int[np.ndarray, " holdout"]:
    """Return the strategy that most of a held-out photo's five nearest fit photos are in; −1: in none.

    One that lies farther from the fifth of them than any member lies from its own fifth neighbour is in none either: fit photos
    as far out mostly are not.
    """
    own, _ = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(phi).kneighbors()
    joined = np.full(len(nearest.photos), -1, np.int32)
    for strategy in range(membership.max() + 1):
        most = (membership[nearest.photos] == strategy).sum(axis=1) > NEIGHBOURS / 2
        joined[most & (nearest.distances[:, -1] <= own[membership == strategy, -1].max())] = strategy
    return joined


def _laid_out(
    phi: Float[np.ndarray, "photo concept"],
    fit: Bool[np.ndarray, " photo"],
    nearest: _Nearest,
    layout: Callable[[np.ndarray], np.ndarray],
) -> Float[np.ndarray, "photo 2"]:
    """Lay out the fit photos, then place the others: in the middle of those of their nearest that lie with the very nearest.

    The nearer, the heavier (1 ÷ distance²). The middle of all of them can be a gap that none is in.
    """
    if fit.all() or not fit.any():
        return layout(phi)
    xy = np.empty((len(phi), 2), np.float32)
    xy[fit] = layout(phi[fit])
    near = xy[fit][nearest.photos]  # (holdout, near, 2)
    together = np.linalg.norm(near - near[:, :1], axis=2) <= TOGETHER
    distances = np.maximum(nearest.distances, 1e-6)  # logits: a photo that is equal lies where the other does
    weights = together * (distances[:, :1] / distances) ** 2
    xy[~fit] = (weights[:, :, None] * near).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    return xy


def _describe(subject: _Subject, index: int, inside: Bool[np.ndarray, " photo"], recurrence: float) -> Strategy:
    members, held = np.flatnonzero(inside & subject.fit), np.flatnonzero(inside & ~subject.fit)
    phi, correct = subject.phi[members], subject.correct
    centre = phi.mean(axis=0, dtype=np.float64)
    distance = np.linalg.norm(phi - centre, axis=1)
    mistake, mistakes = _typical_mistake(subject.predicted[inside & ~correct])
    return Strategy(
        wnid=subject.wnid,
        index=index,
        name=_name(centre),
        size=len(members),
        accuracy=float(correct[members].mean()),
        contributions=tuple(float(c) for c in centre),
        medoids=tuple(int(i) for i in members[np.argsort(distance, kind="stable")[:MEDOIDS]]),
        recurrence=recurrence,
        size_holdout=len(held),
        accuracy_holdout=float(correct[held].mean()) if len(held) else None,
        mistake=mistake,
        mistakes=mistakes,
    )


def _typical_mistake(taken_for: Int[np.ndarray, " mistake"]) -> tuple[int | None, int]:
    """Return the class that wrongly recognised photos are most often taken for, ties to the lower, and how many are."""
    if not len(taken_for):
        return None, 0
    classes, photos = np.unique(taken_for, return_counts=True)
    return int(classes[photos.argmax()]), int(photos.max())


def _name(centre: Float[np.ndarray, " concept"]) -> str:
    """Name a strategy by the concepts that carry at least a fifth of its positive evidence, three at the most."""
    positive = np.clip(centre, 0, None)
    total = positive.sum()
    leading = [int(i) for i in np.argsort(-positive, kind="stable")[:3] if total > 0 and positive[i] >= 0.2 * total]
    if not leading:
        return "no leading concept"
    return f"concept{'s' if len(leading) > 1 else ''} {' + '.join(map(str, leading))}"


def _mutual_neighbours(phi: Float[np.ndarray, "photo concept"]) -> tuple[tuple[int, ...], ...]:
    n = len(phi)
    if n < 2:
        return tuple(() for _ in range(n))
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS, n - 1)).fit(phi).kneighbors(return_distance=False)
    sets = [set(row.tolist()) for row in near]
    return tuple(tuple(sorted(j for j in sets[i] if i in sets[j])) for i in range(n))


def _unit_box(xy: np.ndarray) -> Float[np.ndarray, "photo 2"]:
    """Centre a layout and scale its larger half-extent to 1."""
    centred = xy - (xy.max(axis=0) + xy.min(axis=0)) / 2
    extent = np.abs(centred).max(initial=0.0)
    return (centred / extent if extent > 0 else centred).astype(np.float32)
