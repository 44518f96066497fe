"""What can only be said once every class is known: neighbours across classes, nearest classes, the map.

Notation: V (concept, channel) unit atoms of every dictionary, one below the other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from atlas.schema import SHARED, ClassRecord, Concept, Neighbour

LEAST_COSINE = 0.6
MOST_NEIGHBOURS = 8
BACKGROUND_SHARE = 0.05
NEAREST_CLASSES = 5
ALIGNED_CLASSES = 5
_BLOCK = 1024


def with_aligned(
    concepts: Sequence[Concept],
    atoms: Float[np.ndarray, "concept channel"],
    weights: Float[np.ndarray, "classes channel"],
    wnids: Sequence[str],
) -> tuple[Concept, ...]:
    """Fill in for every atom the classes whose head weights point the same way: top 5 by cosine."""
    cosine = _unit(atoms) @ _unit(weights).T
    best = np.argsort(-cosine, axis=1, kind="stable")[:, :ALIGNED_CLASSES]
    near = [tuple(Neighbour(wnids[c], float(row[c])) for c in top) for row, top in zip(cosine, best, strict=True)]
    return tuple(dataclasses.replace(concept, aligned=n) for concept, n in zip(concepts, near, strict=True))


def alignment(weight: Float[np.ndarray, " channel"], atoms: Float[np.ndarray, "concept channel"]) -> tuple[float, ...]:
    """Return the cosine of a class's head weights with every atom, 4 decimals."""
    return tuple(np.round((_unit(atoms) @ _unit(weight[None])[0]).astype(np.float64), 4).tolist())


def refine(
    concepts: Sequence[Concept],
    records: Sequence[ClassRecord],
    atoms: dict[str, np.ndarray],
    *,
    weights: Float[np.ndarray, "classes channel"] | None,
    layout: Callable[[np.ndarray, int], np.ndarray],
    seed: int,
) -> tuple[list[Concept], list[ClassRecord]]:
    """Fill in neighbours, map positions and nearest classes of every row; depends on nothing but its arguments.

    Args:
        concepts: of every dictionary.
        records: of every class.
        atoms: of every dictionary, by owner.
        weights: of the head, a row an ImageNet class; None where the head is not linear.
        layout: places rows on the map.
        seed: of the layout.
    """
    if not concepts:
        return [], list(records)
    V = np.stack([atoms[c.concept_id.split("/")[0]][c.index] for c in concepts]).astype(np.float32)
    neighbours = _neighbours(concepts, V)
    xy = layout(_reduced(_unit(V)), seed)
    placed = [
        dataclasses.replace(c, neighbours=near, map_x=float(x), map_y=float(y))
        for c, near, (x, y) in zip(concepts, neighbours, xy, strict=True)
    ]
    return placed, _with_nearest(records, placed, V, weights)


def _neighbours(concepts: Sequence[Concept], V: np.ndarray) -> list[tuple[Neighbour, ...]]:
    owner = np.array([c.wnid or SHARED for c in concepts])
    background = np.array([c.share is not None and abs(c.share) < BACKGROUND_SHARE for c in concepts])
    U = _unit(V)
    found: list[tuple[Neighbour, ...]] = []
    for start in range(0, len(U), _BLOCK):
        cosine = U[start : start + _BLOCK] @ U.T
        for i, row in enumerate(cosine, start):
            far = np.where((owner != owner[i]) & (row >= LEAST_COSINE), row, -1.0)
            best = [int(j) for j in np.argsort(-far, kind="stable")[:MOST_NEIGHBOURS] if far[j] > 0]
            found.append(
                tuple(Neighbour(concepts[j].concept_id, float(row[j]), bool(background[i] and background[j])) for j in best)
            )
    return found


def _with_nearest(
    records: Sequence[ClassRecord], concepts: Sequence[Concept], V: np.ndarray, weights: np.ndarray | None
) -> list[ClassRecord]:
    """Name for each class those whose head weights are aligned alike with one vocabulary.

    The vocabulary is the atoms of the shared dictionary or, without one, of all classes; the profile of a class is its cosine
    with each. No photo is needed, so a class with one photo is compared as one with hundreds; without weights none is.
    """
    if weights is None or len(records) < 2:
        return [dataclasses.replace(record, nearest_classes=()) for record in records]
    common = [i for i, c in enumerate(concepts) if c.scope == SHARED] or list(range(len(concepts)))
    own = _unit(weights[[record.info.class_index for record in records]])
    profiles = _unit(own @ _unit(V[common]).T)
    cosine = profiles @ profiles.T
    nearest = []
    for i in range(len(records)):
        best = [int(j) for j in np.argsort(-cosine[i], kind="stable") if j != i][:NEAREST_CLASSES]
        nearest.append(tuple(Neighbour(records[j].info.wnid, float(cosine[i, j])) for j in best))
    return [dataclasses.replace(record, nearest_classes=near) for record, near in zip(records, nearest, strict=True)]


def _reduced(U: np.ndarray, size: int = 50) -> np.ndarray:
    """Rotate onto the 50 directions of the largest spread (PCA by SVD, signs fixed)."""
    centred = U - U.mean(axis=0)
    if min(centred.shape) <= 1:
        return centred
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    scores = left[:, :size] * values[:size]
    return scores * np.where(scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])] < 0, -1.0, 1.0)


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
