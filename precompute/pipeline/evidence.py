"""What speaks for the numbers themselves: estimators beside the contribution, faithfulness, the measures of the dictionary."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from atlas.schema import Concept, Evidence
from precompute import faithfulness, importance, metrics
from precompute.activations import ClassActivations
from precompute.dictionary import Dictionary
from precompute.pipeline.logit import Explained
from precompute.pipeline.workshop import Workshop, reconstruct

CONTRIBUTION = "contribution"


def estimated(
    concepts: Sequence[Concept], explained: Explained, held: Bool[np.ndarray, " photo"], *, seed: int
) -> tuple[tuple[Concept, ...], dict[str, Any]]:
    """Ask every estimator, and judge it.

    Args:
        concepts: those of ``explained``, in its order.
        explained: photos and codes.
        held: which photos are held out.
        seed: of whatever is drawn.

    Returns:
        the concepts with each estimator's mean over the photos, and the faithfulness columns of a class record, on holdout
        photos when there are any. Where the head has no closed form, both rest on a few of those photos.
    """
    judges = judging(explained, held)
    if explained.most is not None:
        explained, judges = explained.of(judges), np.arange(len(judges))
    phi = {name: method.estimate(explained.codes, explained.head, seed=seed) for name, method in importance.METHODS.items()}
    means = {name: values.mean(axis=0) for name, values in phi.items()}
    filled = tuple(
        dataclasses.replace(c, estimators={name: float(mean[i]) for name, mean in means.items()}) for i, c in enumerate(concepts)
    )
    return filled, _faithful(explained.of(judges), {name: values[judges] for name, values in phi.items()}, seed=seed)


def judging(explained: Explained, held: Bool[np.ndarray, " photo"]) -> Int[np.ndarray, " judge"]:
    """Return the photos that judge: those held out, or all where none is; evenly spread ones where the head must be sampled."""
    judges = np.flatnonzero(held) if held.any() else np.arange(len(held))
    if explained.most is None or len(judges) <= explained.most:
        return judges
    return judges[np.linspace(0, len(judges) - 1, explained.most).round().astype(np.int64)]


def _faithful(explained: Explained, phi: dict[str, np.ndarray], *, seed: int) -> dict[str, Any]:
    importances = {CONTRIBUTION: explained.parts.contributions, **phi}
    found = faithfulness.evaluate(explained.codes, explained.head, importances, seed=seed)
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
    U = workshop.encode(A, dictionary)
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


def leading(concepts: Sequence[Concept], count: int) -> tuple[Concept, ...]:
    """Return the shared concepts with the largest contributions to a class."""
    return tuple(sorted(concepts, key=lambda c: (-abs(c.contribution or 0.0), c.index))[:count])


def as_evidence(concepts: Sequence[Concept]) -> tuple[Evidence, ...]:
    """Return what shared concepts do for a class."""
    names = [f.name for f in dataclasses.fields(Evidence)]
    return tuple(Evidence(**{name: getattr(c, name) for name in names}) for c in concepts)
