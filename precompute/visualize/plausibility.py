"""How close a picture's activation lies to those of real photos.

Notation: a (channel,) activation of the whole picture, mean over positions; R (photo, channel) the same of real photos; rows are
scaled to unit norm. d(a) = Euclidean distance to the k-th nearest of R; plausibility = mean of d over the photos themselves
(each left out) ÷ d(a): 1 is as close to the photos as they are to each other, less is further away.
Source: the plausibility measure of MACO (Fel et al., NeurIPS 2023) with the distance of Sun et al. (ICML 2022).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from atlas.schema import AtlasError

NEIGHBOURS = 10
ENOUGH = 3  # photos
_EPS = 1e-9


class Plausibility:
    """Real activations to compare pictures with.

    Raises:
        AtlasError: fewer than three photos: nothing to compare with.
    """

    def __init__(self, real: Float[np.ndarray, "photo channel"]) -> None:
        if len(real) < ENOUGH:
            raise AtlasError(f"Plausibility compares with at least {ENOUGH} photos; found {len(real)}.")
        self._real = _unit(real)
        self._nth = min(NEIGHBOURS, len(real) - 1)
        between = np.sqrt(np.maximum(2 - 2 * self._real @ self._real.T, 0))
        self._usual = float(np.sort(between, axis=1)[:, self._nth].mean())  # the nearest of each is itself

    def __call__(self, activation: Float[np.ndarray, " channel"]) -> float:
        """Return the plausibility of one picture."""
        distances = np.sort(np.linalg.norm(self._real - _unit(activation[None]), axis=1))
        return self._usual / max(float(distances[self._nth - 1]), _EPS)


def _unit(rows: Float[np.ndarray, "row channel"]) -> Float[np.ndarray, "row channel"]:
    norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    unit: np.ndarray = rows / np.maximum(norms, _EPS)
    return unit
