"""What speaks for the numbers themselves: estimators beside the contribution, faithfulness, the measures of the dictionary."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from atlas.schema import Concept, Evidence, Photos
from precompute import faithfulness, importance, metrics
from precompute.activations import ClassActivations
from precompute.dictionary import Dictionary
from precompute.pipeline.logit import Explained
from precompute.pipeline.workshop import Workshop, reconstruct

CONTRIBUTION = "contribution"


def estimates(explained: Explained, *, seed: int) -> dict[str, np.ndarray]:
    """Return the importance (photo, concept) of every estimator, by name; none where each photo has a head of its own."""
    if explained.head is None:
        return {}
    return {name: method.estimate(explained.codes, explained.head, seed=seed) for name, method in importance.METHODS.items()}


def with_estimators(concepts: Sequence[Concept], estimated: dict[str, np.ndarray]) -> tuple[Concept, ...]:
    """Fill in each estimator's mean over the photos."""
    means = {name: phi.mean(axis=0) for name, phi in estimated.items()}
    return tuple(
        dataclasses.replace(c, estimators={name: float(mean[c.index]) for name, mean in means.items()}) for c in concepts
    )


def faithful(photos: Photos, explained: Explained, estimated: dict[str, np.ndarray], *, seed: int) -> dict[str, Any]:
    """Return the faithfulness columns of a class record, on holdout photos when there are any.

    Nothing where each photo has a head of its own.
    """
    if explained.head is None:
        return {}
    held = np.array([split == "holdout" for split in photos.split])
    rows = held if held.any() else np.ones_like(held)
    importances = {name: phi[rows] for name, phi in {CONTRIBUTION: photos.contributions, **estimated}.items()}
    found = faithfulness.evaluate(explained.codes[rows], explained.head, importances, seed=seed)
    return {
        "curves": found.curves,
        "c_mu_fidelity": found.mu_fidelity[CONTRIBUTION],
        "c_mu_fidelity_random": found.mu_fidelity[faithfulness.RANDOM],
    }


def measured(acts: ClassActivations, dictionary: Dictionary, workshop: Workshop) -> dict[str, Any]:
    """Return the dictionary measures of a class record, on the crops the dictionary was fitted on.

    OOD compares the reconstructions of every fifth photo's crops with the other photos' real ones.
    """
    own = len(acts.crops) > 0
    A = acts.crops if own else acts.positions.reshape(-1, acts.positions.shape[2])
    U = workshop.method.encode(A, dictionary)
    made = reconstruct(U, dictionary)
    fifth = (np.unique(acts.crop_photo, return_inverse=True)[1] % 5 == 4) if own else np.zeros(len(A), bool)
    return {
        "relative_l2": metrics.relative_l2(A, made),
        "sparsity": metrics.sparsity(U),
        "hoyer": metrics.hoyer(U),
        "fid": metrics.fid(A, made),
        "ood": metrics.ood(made[fifth], A[~fifth], A[fifth]),
    }


def stability(acts: ClassActivations, dictionary: Dictionary, workshop: Workshop) -> metrics.Stability | None:
    """Return how much of a class's own dictionary comes back from four fifths of its photos."""
    return metrics.stability(
        acts.crops,
        dictionary.atoms,
        lambda rows: workshop.fit(rows, len(dictionary.atoms)).atoms,
        groups=acts.crop_photo,
        seed=workshop.config.seed,
    )


def leading(concepts: Sequence[Concept], count: int) -> tuple[Evidence, ...]:
    """Return what the shared concepts with the largest contributions do for a class."""
    first = sorted(concepts, key=lambda c: (-abs(c.contribution or 0.0), c.index))[:count]
    names = [f.name for f in dataclasses.fields(Evidence)]
    return tuple(Evidence(**{name: getattr(c, name) for name in names}) for c in first)
