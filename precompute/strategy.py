"""The strategies by which photos of a class are recognised: clusters, layout and graph of their contributions.

Notation: φ (photo, concept) contributions in logits. Clusters and edges live in φ space, the layout only shows it
(Fel et al., NeurIPS 2023, "A Holistic Approach …", section 5: the strategic cluster graph).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.cluster import HDBSCAN
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from atlas.schema import Strategy

FEWEST_FOR_TSNE = 12
NEIGHBOURS = 5
MEDOIDS = 3
LARGEST_SHARE = 0.4

Layout = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class StrategyGraph:
    """Strategies, and where each photo stands."""

    strategies: tuple[Strategy, ...]  # the largest first
    membership: Int[np.ndarray, " photo"]  # strategy index, −1: in none
    xy: Float[np.ndarray, "photo 2"]
    neighbours: tuple[tuple[int, ...], ...]


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
    correct: Bool[np.ndarray, " photo"],
    seed: int,
    layout: str = "tsne",
) -> StrategyGraph:
    """Cluster photos by their contributions (HDBSCAN), lay them out and join mutual nearest neighbours."""
    membership = _clusters(phi)
    strategies = tuple(_describe(wnid, i, phi, membership == i, correct) for i in range(membership.max(initial=-1) + 1))
    return StrategyGraph(strategies, membership, METHODS[layout](phi, seed), _mutual_neighbours(phi))


def smallest_strategy(n_photos: int) -> int:
    """Return the fewest photos that make a strategy: 2 % of the photos, at least five."""
    return max(5, round(0.02 * n_photos))


def _clusters(phi: Float[np.ndarray, "photo concept"]) -> Int[np.ndarray, " photo"]:
    """Return cluster numbers, the largest cluster first; −1 for photos in none.

    A cluster that would hold more than two fifths of the photos is opened into those inside it: "most photos" tells no strategy.
    """
    least = smallest_strategy(len(phi))
    largest = max(2 * least, round(LARGEST_SHARE * len(phi)))
    if len(phi) < 2 * least:
        return np.full(len(phi), -1, np.int32)
    found = HDBSCAN(min_cluster_size=least, max_cluster_size=largest, min_samples=1, copy=True).fit_predict(phi)
    sizes = np.bincount(found[found >= 0], minlength=found.max() + 1)
    order = np.argsort(-sizes, kind="stable")
    renumbered = np.full(len(order) + 1, -1, np.int32)
    renumbered[order] = np.arange(len(order), dtype=np.int32)
    return renumbered[found]  # −1 reads the last entry, which is −1


def _describe(
    wnid: str, index: int, phi: Float[np.ndarray, "photo concept"], inside: np.ndarray, correct: np.ndarray
) -> Strategy:
    members = np.flatnonzero(inside)
    centre = phi[members].mean(axis=0, dtype=np.float64)
    distance = np.linalg.norm(phi[members] - centre, axis=1)
    return Strategy(
        wnid=wnid,
        index=index,
        name=_name(centre),
        size=len(members),
        accuracy=float(correct[members].mean()),
        contributions=tuple(float(c) for c in centre),
        medoids=tuple(int(i) for i in members[np.argsort(distance, kind="stable")[:MEDOIDS]]),
    )


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
