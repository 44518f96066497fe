"""What a number of an atlas may be at all: a number, in its range, and the name of something that is there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from atlas.schema import SHARED, ClassRecord, Concept, Exemplar, Neighbour, Photos, Strategy
from atlas.store import files
from atlas.store.contradiction import ABSOLUTE, Contradiction, said

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

Row = ClassRecord | Concept | Strategy | Exemplar


def unreal(table: str, owner: str, row: Row) -> Iterator[Contradiction]:
    """Find what is not a number, or without end, in a row and what is inside of it."""
    for part, value in _parts(owner, row):
        for column, number in _numbers(value):
            if not math.isfinite(number):
                yield Contradiction(table, part, column, f"is {said(number)}")


def unreal_photos(photos: Photos) -> Iterator[Contradiction]:
    """Find the first photo of which something is not a number, column by column."""
    columns = {name: getattr(photos, name) for name in ("class_logit", "bias", "residual", "codes", "contributions")}
    for name, values in (columns | {"x": photos.xy[:, 0], "y": photos.xy[:, 1]}).items():
        fine = np.isfinite(values).reshape(len(photos), -1)
        if not fine.all():
            photo = int(fine.all(axis=1).argmin())
            found = float(values.reshape(len(photos), -1)[photo][~fine[photo]][0])
            yield Contradiction(files.PHOTOS, photos.wnid, name, f"of photo {photo} is {said(found)}")


def beyond(table: str, owner: str, row: Row) -> Iterator[Contradiction]:
    """Find what lies beyond its range in a row and what is inside of it, and intervals that end before they begin."""
    for part, value in _parts(owner, row):
        for column, number in _numbers(value):
            low, high = RANGES.get(column, (-math.inf, math.inf))
            if not low - ABSOLUTE <= number <= high + ABSOLUTE:
                allowed = f"not within {low:g}…{high:g}" if math.isfinite(high) else "below 0"
                yield Contradiction(table, part, column, f"is {said(number)}, {allowed}")
        if hasattr(value, "share_low") and not _ordered(value.share_low, value.share_high):
            words = f"is {said(value.share_low)}, share_high is {said(value.share_high)}"
            yield Contradiction(table, part, "share_low", words)


def _ordered(low: float | None, high: float | None) -> bool:
    return low is high if low is None or high is None else low <= high


def _parts(owner: str, row: Any) -> Iterator[tuple[str, Any]]:
    """Yield a row and what is inside of it, each with what it is called."""
    yield owner, row
    if isinstance(row, ClassRecord):
        yield from ((f"{owner}: shared/{e.index}", e) for e in row.evidence)
        yield from ((f"{owner}: {curve.measure} of {curve.method}", curve) for curve in row.curves)
        yield from ((f"{owner}: nearest class {near.id}", near) for near in row.nearest_classes)
    if isinstance(row, Concept):
        yield from ((f"{owner}: aligned with {near.id}", near) for near in row.aligned)
        yield from ((f"{owner}: neighbour {near.id}", near) for near in row.neighbours)


def _numbers(value: Any) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a domain value, each with its column; of many in one column the least and the largest, if all are."""
    for field in dataclasses.fields(value):
        name, held = field.name, getattr(value, field.name)
        if isinstance(held, int | float):
            yield name, held
        elif isinstance(held, dict):
            yield from held.items()
        elif isinstance(held, tuple) and held and isinstance(held[0], int | float):
            telling = (min(held), max(held)) if math.isfinite(sum(held)) else held
            yield from ((name, number) for number in telling)


def of_exemplars(exemplars: Sequence[Exemplar]) -> Iterator[Contradiction]:
    """Check that the crops of a concept are ranked by their codes, each once, and are crops at all."""
    for concept_id, group in groupby(exemplars, key=lambda exemplar: exemplar.concept_id):
        last = math.inf
        for rank, exemplar in enumerate(group):
            owner = f"{concept_id}: exemplar {rank}"
            if exemplar.rank != rank:
                yield Contradiction(files.EXEMPLARS, owner, "rank", f"is {exemplar.rank}")
            if exemplar.code > last:
                words = f"is {said(exemplar.code)}, more than the {said(last)} before it"
                yield Contradiction(files.EXEMPLARS, owner, "code", words)
            if min(exemplar.box[:2]) < 0 or min(exemplar.box[2:]) <= 0:
                yield Contradiction(files.EXEMPLARS, owner, "box", f"is {exemplar.box}: not inside of a photo")
            last = exemplar.code


def of_names(concept: Concept, known: Collection[str], classes: Collection[str]) -> Iterator[Contradiction]:
    """Check that a concept is called by its class and index, and names concepts and classes that are there."""
    if concept.concept_id != f"{concept.wnid or SHARED}/{concept.index}":
        words = f"is {concept.index}, its class {concept.wnid or SHARED}"
        yield Contradiction(files.CONCEPTS, concept.concept_id, "index", words)
    yield from lacking(files.CONCEPTS, concept.concept_id, "neighbours", concept.neighbours, known)
    yield from lacking(files.CONCEPTS, concept.concept_id, "aligned", concept.aligned, classes)


def lacking(table: str, owner: str, column: str, near: Sequence[Neighbour], known: Collection[str]) -> Iterator[Contradiction]:
    """Find the first neighbour that is not among the known ones."""
    if unknown := [neighbour.id for neighbour in near if neighbour.id not in known]:
        yield Contradiction(table, owner, column, f"name {unknown[0]}, which there is not")
