"""The range of every column, and names: what is named must be there."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from atlas.format import paths
from atlas.format.checks.contradiction import Contradiction, said
from atlas.schema import SHARED, Concept, Exemplar, Neighbour

_PROBABILITY, _COSINE, _AMOUNT = (0.0, 1.0), (-1.0, 1.0), (0.0, math.inf)
_EXPLAINED = ("explained", "explained_holdout", "explained_random", "explained_shared")
_ACCURACIES = ("accuracy", "accuracy_fit", "accuracy_holdout", "prevalence", "reliability", "reliability_holdout")
_STABLE = ("stability", "stability_halves", "stability_random", "c_mu_fidelity", "c_mu_fidelity_random", "agreement")
_ERRORS = ("relative_l2", "relative_l2_random", "relative_l2_positions", "relative_l2_means")
_DISTANCES = ("fid", "fid_random", "ood", "ood_random")
_COUNTS = ("n_photos", "n_fit", "n_holdout", "refits", "groups", "groups_expected", "dominates", "dominates_holdout")

#: The range of a column, whichever table it is in.
RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys((*_EXPLAINED, *_ACCURACIES, "recurrence", "sparsity", "hoyer"), _PROBABILITY),
    **dict.fromkeys((*_STABLE, "cosine", "alignment"), _COSINE),
    **dict.fromkeys((*_ERRORS, *_DISTANCES, *_COUNTS, "size", "size_holdout", "mistakes", "colour", "rank"), _AMOUNT),
}


def of_exemplars(exemplars: Sequence[Exemplar], known: Collection[str]) -> Iterator[Contradiction]:
    """Check that crops are those of concepts that are there, and ranked by their codes."""
    for concept_id, group in groupby(exemplars, key=lambda exemplar: exemplar.concept_id):
        if concept_id not in known:
            yield Contradiction(paths.EXEMPLARS, concept_id, "concept_id", "is that of no concept")
        last = math.inf
        for exemplar in group:
            if exemplar.code > last:
                words = f"is {said(exemplar.code)}, more than the {said(last)} before it"
                yield Contradiction(paths.EXEMPLARS, f"{concept_id}: exemplar {exemplar.rank}", "code", words)
            last = exemplar.code


def of_names(concept: Concept, known: Collection[str], classes: Collection[str]) -> Iterator[Contradiction]:
    """Check that a concept is called by its class and index, and names concepts and classes that are there."""
    if concept.concept_id != f"{concept.wnid or SHARED}/{concept.index}":
        words = f"is {concept.index}, its class {concept.wnid or SHARED}"
        yield Contradiction(paths.CONCEPTS, concept.concept_id, "index", words)
    yield from lacking(paths.CONCEPTS, concept.concept_id, "neighbours", concept.neighbours, known)
    yield from lacking(paths.CONCEPTS, concept.concept_id, "aligned", concept.aligned, classes)


def lacking(table: str, owner: str, column: str, near: Sequence[Neighbour], known: Collection[str]) -> Iterator[Contradiction]:
    """Find the first neighbour that is not among the known ones."""
    if unknown := [neighbour.id for neighbour in near if neighbour.id not in known]:
        yield Contradiction(table, owner, column, f"name {unknown[0]}, which there is not")
