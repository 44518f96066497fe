"""K-means: min ‖A − U V‖²_F where a patch uses exactly one atom (ACE; Ghorbani et al., NeurIPS 2019).

Notation: c_i the centroid of cluster i; V_i = c_i / ‖c_i‖; row j of U holds ‖c_i‖ at its cluster i and zeros elsewhere: its
reconstruction is its centroid.
"""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from atlas.schema import AtlasError
from precompute.dictionary.base import Dictionary, unit_atoms

_STARTS = 4
_BLOCK = 8192


def fit(activations: Float[np.ndarray, "patch channel"], *, concepts: int, seed: int) -> Dictionary:
    """Fit one atom per cluster: the best of four runs of Lloyd's algorithm, each started by k-means++.

    Fewer distinct patches than ``concepts`` give repeated atoms; a cluster at the origin gives an all-zero atom.

    Raises:
        AtlasError: more concepts than patches.
    """
    if concepts > len(activations):
        raise AtlasError(
            f"kmeans cannot find {concepts} concepts in {len(activations)} patches (at most one a patch). "
            "Add photos, or ask for fewer with --concepts or --shared-concepts."
        )
    model = KMeans(concepts, n_init=_STARTS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct patches than clusters: defined, see above
        model.fit(activations)
    centroids = model.cluster_centers_
    scale, atoms = unit_atoms(np.ones((1, concepts)), centroids)
    return Dictionary(method="kmeans", atoms=atoms, encoder={"scale": scale[0]})


def encode(activations: Float[np.ndarray, "patch channel"], dictionary: Dictionary) -> Float[np.ndarray, "patch concept"]:
    """Return codes that are zero but for the nearest centroid, where they are its norm."""
    scale = dictionary.encoder["scale"]
    return _one_hot(_nearest(activations, dictionary.atoms * scale[:, None]), scale)


def _nearest(
    activations: Float[np.ndarray, "patch channel"], centroids: Float[np.ndarray, "concept channel"]
) -> Int[np.ndarray, " patch"]:
    """Return the nearest centroid of each patch, ties to the lower index."""
    half_norms = 0.5 * (centroids**2).sum(axis=1)
    labels = np.empty(len(activations), np.intp)
    for i in range(0, len(activations), _BLOCK):
        labels[i : i + _BLOCK] = (activations[i : i + _BLOCK] @ centroids.T - half_norms).argmax(axis=1)
    return labels


def _one_hot(labels: Int[np.ndarray, " patch"], scale: Float[np.ndarray, " concept"]) -> Float[np.ndarray, "patch concept"]:
    U = np.zeros((len(labels), len(scale)), np.float32)
    U[np.arange(len(labels)), labels] = scale[labels]
    return U
