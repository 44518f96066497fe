"""Groups of photos that are really there: clusters of contributions that come back, and more of them than chance gives.

Notation: φ (photo, concept) contributions in logits. Clusters are HDBSCAN's (Campello, Moulavi and Sander, PAKDD 2013), of any
size. One *comes back* if its mean Jaccard index with the cluster most like it, over subsets of the photos that are clustered
anew, is at least 0.6 (Hennig, Computational Statistics & Data Analysis 52, 2007: cluster-wise stability, by subsetting).
Chance is a Gaussian with the mean and covariance of φ, clustered and resampled in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import HDBSCAN
from threadpoolctl import threadpool_limits

MOST_FOR_A_TREE = 20  # concepts; among more of them, a tree of photos finds neighbours no faster than looking at all
MIN_SAMPLES = 5  # a dense place has so many photos
RESAMPLES = 20
SUBSET = 0.8  # of the photos are in a resample
COMES_BACK = 0.6  # mean Jaccard index
FEWEST_DRAWS = 20
DRAWS = 59
MOST_ALIKE = 2  # draws with as many groups as the photos: (1 + 2) ÷ (1 + 59), a level of 5 %


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups of a class that come back, the largest first, beside those of every Gaussian drawn."""

    membership: Int[np.ndarray, " photo"]  # −1: in none that comes back
    recurrence: Float[np.ndarray, " group"]  # mean Jaccard index over the resamples
    chance: Int[np.ndarray, " draw"]  # groups that come back in each Gaussian

    def __len__(self) -> int:
        return len(self.recurrence)

    @property
    def expected(self) -> float:
        """Return how many groups come back by chance, on average."""
        return float(self.chance.mean())

    @property
    def beyond_chance(self) -> bool:
        """Tell whether the photos have more groups than chance gives.

        There are more than expected, and at least 95 % of the Gaussians have fewer: at most two of 59 have as many, so that a
        Gaussian class passes in one case of twenty at most. Blobs as skewed as φ pass no more often. What a Gaussian can't tell
        is whether groups are separate reasons or two heights of one: a single concept that is either strong or absent beats it.
        And a count is a blunt measure: where one or two concepts hold all the spread, a Gaussian has many groups as well, and
        even groups that lie well apart can go unshown.
        """
        return len(self) > self.expected and int((self.chance >= len(self)).sum()) <= MOST_ALIKE


def smallest_strategy(n_photos: int) -> int:
    """Return the fewest photos that make a strategy: 2 % of the photos, at least five."""
    return max(5, round(0.02 * n_photos))


def find(phi: Float[np.ndarray, "photo concept"], seed: int) -> Groups | None:
    """Return the groups of photos that come back, beside chance; ``None`` where a resample has no room for two groups.

    Gaussians are drawn until it is settled that chance gives as many groups, at least 20 times and 59 at most. Everything
    depends on φ and the seed alone, and takes one thread.
    """
    resampled = round(SUBSET * len(phi))
    if resampled < 2 * smallest_strategy(resampled):
        return None
    with threadpool_limits(1):  # the last bits of sums depend on the number of threads, and so do ties
        x = _centred(phi)
        found = _clusters(x)
        recurrence = sum(_matches(found, x, np.random.default_rng([seed, 0])), np.zeros(found.max() + 1)) / RESAMPLES
        membership, recurrence = _kept(found, recurrence)
        return Groups(membership, recurrence, _chance(x, len(recurrence), seed))


def best_jaccard(before: Int[np.ndarray, " photo"], again: Int[np.ndarray, " photo"], groups: int) -> Float[np.ndarray, " group"]:
    """Return, for each of so many groups, its Jaccard index with the cluster most like it (same photos, −1: in none)."""
    both = np.zeros((groups + 1, again.max(initial=-1) + 2))
    np.add.at(both, (before, again), 1)  # −1 counts in the last row and column
    either = both[:-1].sum(axis=1, keepdims=True) + both[:, :-1].sum(axis=0) - both[:-1, :-1]
    return (both[:-1, :-1] / np.maximum(either, 1)).max(axis=1, initial=0.0)


def _centred(phi: Float[np.ndarray, "photo concept"]) -> Float[np.ndarray, "photo concept"]:
    """Return deviations from the mean, in double precision; deviations that are nothing but rounding are 0."""
    x = phi.astype(np.float64)
    x -= x.mean(axis=0)
    return x if np.abs(x).max() > 1e-6 * np.abs(phi).max() else np.zeros_like(x)


def _clusters(x: Float[np.ndarray, "photo concept"]) -> Int[np.ndarray, " photo"]:
    """Return HDBSCAN's cluster numbers; −1 for photos in none."""
    search = "kd_tree" if x.shape[1] <= MOST_FOR_A_TREE else "brute"
    model = HDBSCAN(min_cluster_size=smallest_strategy(len(x)), min_samples=MIN_SAMPLES, algorithm=search, copy=True, n_jobs=1)
    return model.fit_predict(x)


def _matches(
    found: Int[np.ndarray, " photo"], x: Float[np.ndarray, "photo concept"], random: np.random.Generator
) -> Iterator[Float[np.ndarray, " group"]]:
    """Yield how well each cluster is matched in a resample, for every resample; nothing where there is no cluster."""
    n, groups = len(found), int(found.max()) + 1
    for _ in range(RESAMPLES if groups else 0):
        kept = np.sort(random.choice(n, round(SUBSET * n), replace=False))
        yield best_jaccard(found[kept], _clusters(x[kept]), groups)


def _kept(
    found: Int[np.ndarray, " photo"], recurrence: Float[np.ndarray, " cluster"]
) -> tuple[Int[np.ndarray, " photo"], Float[np.ndarray, " group"]]:
    """Return membership and recurrence of the clusters that come back, the largest first, then by their first photo."""
    back = np.flatnonzero(recurrence >= COMES_BACK)
    order = sorted(back, key=lambda cluster: (-(found == cluster).sum(), (found == cluster).argmax()))
    renumbered = np.full(len(recurrence) + 1, -1, np.int32)
    renumbered[order] = np.arange(len(order), dtype=np.int32)
    return renumbered[found], recurrence[order]  # −1 reads the last entry, which is −1


def _chance(x: Float[np.ndarray, "photo concept"], groups: int, seed: int) -> Int[np.ndarray, " draw"]:
    """Return how many groups come back in each Gaussian of the photos' covariance.

    Distances know neither mean nor rotation, so the Gaussians are drawn along the principal axes, around 0.
    """
    deviations = np.linalg.svd(x, compute_uv=False) / np.sqrt(len(x) - 1)
    counts: list[int] = []
    while len(counts) < FEWEST_DRAWS or (len(counts) < DRAWS and sum(c >= groups for c in counts) <= MOST_ALIKE):
        random = np.random.default_rng([seed, 1 + len(counts)])
        counts.append(_coming_back(deviations * random.normal(size=(len(x), len(deviations))), random))
    return np.array(counts, np.int32)


def _coming_back(x: Float[np.ndarray, "photo concept"], random: np.random.Generator) -> int:
    """Return how many clusters come back; resampling ends as soon as that is settled for each."""
    found = _clusters(x)
    total = np.zeros(found.max() + 1)
    for left, matched in zip(reversed(range(RESAMPLES)), _matches(found, x, random), strict=False):
        total += matched
        back = total / RESAMPLES >= COMES_BACK
        if (back | ((total + left) / RESAMPLES < COMES_BACK)).all():
            break
    return int((total / RESAMPLES >= COMES_BACK).sum())
