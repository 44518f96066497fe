"""What speaks for the numbers themselves: estimators beside the contribution, and whether their rankings are faithful."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from atlas.schema import CLASS_RANKING, RANDOM, Concept, Evidence
from precompute import importance
from precompute.analysis import faithfulness
from precompute.importance import AffineHead
from precompute.pipeline.decomposition import DecomposedLogits

CONTRIBUTION = "contribution"


def estimated(
    concepts: Sequence[Concept],
    explained: DecomposedLogits,
    held: Bool[np.ndarray, " photo"],
    *,
    basis: Bool[np.ndarray, " photo"],
    seed: int,
) -> tuple[tuple[Concept, ...], dict[str, Any]]:
    """Ask every estimator, and judge it.

    Args:
        concepts: those of ``explained``, in its order.
        explained: photos and codes.
        held: which photos are held out.
        basis: which photos means over the class are over.
        seed: of whatever is drawn.

    Returns:
        the concepts with each estimator's mean over the basis, and the faithfulness columns of a class record, on holdout
        photos when there are any. Where the head has no closed form, both rest on a few of the photos that judge.
    """
    judges = judging(explained, held)
    ranking = explained.parts.contributions[basis].mean(axis=0, dtype=np.float64)
    if explained.most is not None:
        explained, basis, judges = explained.of(judges), np.ones(len(judges), bool), np.arange(len(judges))
    phi = {name: method.estimate(explained.codes, explained.head, seed=seed) for name, method in importance.METHODS.items()}
    means = {name: values[basis].mean(axis=0) for name, values in phi.items()}
    filled = tuple(
        dataclasses.replace(c, estimators={name: float(mean[i]) for name, mean in means.items()}) for i, c in enumerate(concepts)
    )
    judged = {name: values[judges] for name, values in phi.items()}
    return filled, _faithful(explained.of(judges), judged, ranking, seed=seed)


def judging(explained: DecomposedLogits, held: Bool[np.ndarray, " photo"]) -> Int[np.ndarray, " judge"]:
    """Return the photos that judge: those held out, or all where none is; evenly spread ones where the head must be sampled."""
    judges = np.flatnonzero(held) if held.any() else np.arange(len(held))
    if explained.most is None or len(judges) <= explained.most:
        return judges
    return judges[np.linspace(0, len(judges) - 1, explained.most).round().astype(np.int64)]


def _faithful(explained: DecomposedLogits, phi: dict[str, np.ndarray], ranking: np.ndarray, *, seed: int) -> dict[str, Any]:
    """Judge the contribution photo by photo, the ranking of the class that is shown, and every estimator.

    C-μFidelity of an affine head is 1 by construction: it is measured where the head is not.
    """
    importances = {CONTRIBUTION: explained.parts.contributions, CLASS_RANKING: ranking, **phi}
    found = faithfulness.evaluate(explained.codes, explained.head, importances, seed=seed)
    columns: dict[str, Any] = {"curves": found.curves, "agreement": faithfulness.mean_agreement(phi)}
    if not isinstance(explained.head, AffineHead):
        columns["c_mu_fidelity"] = found.mu_fidelity[CONTRIBUTION]
        columns["c_mu_fidelity_random"] = found.mu_fidelity[RANDOM]
    return columns


def leading(concepts: Sequence[Concept], count: int) -> tuple[Concept, ...]:
    """Return the shared concepts with the largest contributions to a class."""
    return tuple(sorted(concepts, key=lambda c: (-abs(c.contribution or 0.0), c.index))[:count])


def as_evidence(concepts: Sequence[Concept]) -> tuple[Evidence, ...]:
    """Return what shared concepts do for a class."""
    names = [f.name for f in dataclasses.fields(Evidence)]
    return tuple(Evidence(**{name: getattr(c, name) for name in names}) for c in concepts)
