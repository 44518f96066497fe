"""Numbers of an atlas computed again from others: domain values → what they contradict.

Notation: the photos that *count* for the means of a class are those of its fit split, or all where it has none; above = logit −
bias, means over the photos that count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from atlas.format import paths
from atlas.format.checks.contradiction import ABSOLUTE, RELATIVE, Contradiction, Number, close, said
from atlas.schema import LEAST_LOGIT, RANDOM_PATCHES, ClassRecord, Concept, Curve, Evidence, Photos, Strategy, dominant_concept

#: Contributions + bias + residual miss the logit of a photo by this much at most.
COMPLETENESS = 1e-4
MOST_STEPS = 25
_ENDS = {"c_deletion": (1.0, 0.0), "c_insertion": (0.0, 1.0)}


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """The photos of a class, which of them count, which are held out."""

    photos: Photos
    counted: np.ndarray  # (n,) bool
    held: np.ndarray  # (n,) bool

    @property
    def logit(self) -> float:
        """The mean logit of the class."""
        return float(self.photos.class_logit[self.counted].mean(dtype=np.float64))

    @property
    def bias(self) -> float:
        """The mean of what its logit is without any concept."""
        return float(self.photos.bias[self.counted].mean(dtype=np.float64))

    def accuracy(self, of: np.ndarray) -> float | None:
        """Return how many of some photos (n,) bool are recognised; None of none."""
        return _mean(self.photos.correct[of])

    def explained(self, of: np.ndarray) -> float | None:
        """Return the mean of 1 − |residual| ÷ |logit − bias|, at least 0, over those of some photos that have it."""
        above = abs(self.photos.class_logit.astype(np.float64) - self.photos.bias)
        known = of & (above > LEAST_LOGIT)
        return _mean((1 - abs(self.photos.residual[known]) / above[known]).clip(0))


def account(photos: Photos, *, pooled: bool = False) -> Account:
    """Tell which photos count; ``pooled``, all of them do (format 1.0)."""
    held = np.array([split == "holdout" for split in photos.split])
    return Account(photos, np.ones(len(photos), bool) if pooled else photos.basis, held)


def of_photos(photos: Photos, class_index: int) -> Iterator[Contradiction]:
    """Check each photo against itself and its neighbours: the parts of its logit, whether it is right, what leads."""
    parts = photos.contributions.sum(axis=1, dtype=np.float64) + photos.bias + photos.residual
    right = photos.predicted == class_index
    leading = dominant_concept(photos.contributions)
    checks = (
        ("class_logit", abs(parts - photos.class_logit) <= COMPLETENESS, photos.class_logit, "its parts add up to", parts),
        ("correct", photos.correct == right, photos.correct, "its predicted class says", right),
        ("dominant", photos.dominant == leading, photos.dominant, "its contributions give", leading),
    )
    for column, fine, stored, how, given in checks:
        if wrong := np.flatnonzero(~fine).tolist():
            first = wrong[0]
            words = f"is {said(stored[first].item())}, {how} {said(given[first].item())}"
            yield _of_photo(photos, column, wrong, words)
    strange = [i for i, split in enumerate(photos.split) if split not in ("fit", "holdout")]
    if strange:
        yield _of_photo(photos, "split", strange, f"is {photos.split[strange[0]]!r}, neither 'fit' nor 'holdout'")
    yield from _of_neighbours(photos)


def _of_photo(photos: Photos, column: str, wrong: Sequence[int], words: str) -> Contradiction:
    others = f" (and {len(wrong) - 1} more photos)" if len(wrong) > 1 else ""
    return Contradiction(paths.PHOTOS, photos.wnid, column, f"of photo {wrong[0]} {words}{others}")


def _of_neighbours(photos: Photos) -> Iterator[Contradiction]:
    near = [set(found) for found in photos.neighbours]
    for i, found in enumerate(near):
        if strange := sorted(j for j in found if not 0 <= j < len(near) or j == i or i not in near[j]):
            yield _of_photo(photos, "neighbours", [i], f"name {strange[0]}, which does not name it")
            return


def of_record(record: ClassRecord, its: Account, *, offset: bool) -> Iterator[Contradiction]:
    """Check the numbers of a class against its photos; with an ``offset`` of the dictionary the head's own bias is not known."""
    photos, counted, held = its.photos, its.counted, its.held
    given: dict[str, Number] = {
        "n_photos": len(photos),
        "n_holdout": int(held.sum()),
        "accuracy_fit": its.accuracy(~held),
        "accuracy_holdout": its.accuracy(held),
        "class_logit": its.logit,
        "bias": its.bias,
        "residual": _mean(photos.residual[counted]),
    }
    if not offset:
        given |= {"explained": its.explained(counted), "explained_holdout": its.explained(held)}
    yield from _compared(paths.CLASSES, record.info.wnid, record, given, "its photos give")
    if not 0 <= record.n_fit <= (~held).sum():
        yield Contradiction(
            paths.CLASSES, record.info.wnid, "n_fit", f"is {record.n_fit}, its fit split has {(~held).sum()} photos"
        )


def of_coverage(record: ClassRecord) -> Iterator[Contradiction]:
    """Check that a class with photos says by which dictionary they are explained, and one without claims none."""
    wnid = record.info.wnid
    if (record.coverage == "none") != (record.n_photos == 0):
        yield Contradiction(paths.CLASSES, wnid, "coverage", f"is {record.coverage}, there are {record.n_photos} photos")
    if record.n_photos and record.scope is None:
        yield Contradiction(paths.CLASSES, wnid, "scope", f"is unknown, there are {record.n_photos} photos")


def of_no_photos(record: ClassRecord) -> Iterator[Contradiction]:
    """Check that a class without photos claims none, or else nothing that only photos tell."""
    names = ("accuracy_fit", "accuracy_holdout", "class_logit", "bias", "residual", "explained", "explained_holdout")
    counts: dict[str, Number] = {"n_fit": 0, "n_holdout": 0}
    given = {"n_photos": 0} if record.n_photos else counts | dict.fromkeys(names)
    yield from _compared(paths.CLASSES, record.info.wnid, record, given, "the photos table gives")


def of_concepts(found: Sequence[Concept | Evidence], its: Account) -> Iterator[Contradiction]:
    """Check what concepts do for a class against its photos."""
    above = its.logit - its.bias
    for concept in found:
        given = _of_concept(its, concept.index)
        how = "the photos give"
        table, owner = _named(its.photos.wnid, concept)
        share = float(given["contribution"] or 0) / above if above > LEAST_LOGIT else None
        yield from _compared(table, owner, concept, given, how)
        if not close(concept.share, share, scale=1 / max(above, LEAST_LOGIT)):
            words = f"is {said(concept.share)}, its contribution and the class's logit give {said(share)}"
            yield Contradiction(table, owner, "share", words)
        if concept.dominates_holdout is not None or its.held.any():
            held = {"dominates_holdout": int((its.held & (its.photos.dominant == concept.index)).sum())}
            yield from _compared(table, owner, concept, held, "the held-out photos give")


def _of_concept(its: Account, index: int) -> dict[str, Number]:
    led = its.photos.dominant == index
    dominates = int((its.counted & led).sum())
    return {
        "contribution": float(its.photos.contributions[its.counted, index].mean(dtype=np.float64)),
        "dominates": dominates,
        "prevalence": dominates / int(its.counted.sum()),
        "reliability": its.accuracy(its.counted & led),
        "reliability_holdout": its.accuracy(its.held & led),
    }


def _named(wnid: str, concept: Concept | Evidence) -> tuple[str, str]:
    """Return where a concept stands, and as what."""
    return (
        (paths.CONCEPTS, concept.concept_id)
        if isinstance(concept, Concept)
        else (paths.CLASSES, f"{wnid}: shared/{concept.index}")
    )


def of_ranks(concepts: Sequence[Concept]) -> Iterator[Contradiction]:
    """Check that the colours of a class's concepts are the ranks of their |contribution|."""
    ranked = sorted(concepts, key=lambda concept: (-abs(concept.contribution or 0.0), concept.colour))
    for rank, concept in enumerate(ranked):
        if concept.colour != rank:
            words = f"is {concept.colour}, its contribution ranks {rank}"
            yield Contradiction(paths.CONCEPTS, concept.concept_id, "colour", words)


def of_order(wnid: str, evidence: Sequence[Evidence]) -> Iterator[Contradiction]:
    """Check that the shared concepts of a class stand in the order of their |contribution|, each once."""
    if twice := [index for index, times in Counter(one.index for one in evidence).items() if times > 1]:
        yield Contradiction(paths.CLASSES, wnid, "evidence", f"names shared/{twice[0]} more than once")
    for before, after in pairwise(evidence):
        if abs(after.contribution) > abs(before.contribution):
            words = f"names shared/{after.index} after shared/{before.index}, which contributes less"
            yield Contradiction(paths.CLASSES, wnid, "evidence", words)
            return


def of_sum(record: ClassRecord, concepts: Sequence[Concept]) -> Iterator[Contradiction]:
    """Check that all shares of a class and what is unexplained add up to 1."""
    shares = [concept.share for concept in concepts if concept.share is not None]
    if record.unexplained is None or not shares:
        return
    parts = [*shares, record.unexplained]
    if not close(sum(parts), 1.0, scale=sum(map(abs, parts))):
        words = f"is {said(record.unexplained)}, with all shares it makes {said(sum(parts))}, not 1"
        yield Contradiction(paths.CLASSES, record.info.wnid, "unexplained", words)


def of_strategies(found: Sequence[Strategy], its: Account, class_index: int) -> Iterator[Contradiction]:
    """Check what strategies say of their photos, and that each photo's strategy is one of them."""
    photos = its.photos
    for strategy in found:
        owner = f"{strategy.wnid}: strategy {strategy.index}"
        inside = photos.strategy == strategy.index
        given = _of_strategy(its, inside, class_index)
        yield from _compared(paths.STRATEGIES, owner, strategy, given, "its photos give")
        yield from _of_centre(owner, strategy, photos.contributions[inside & its.counted])
        if outside := [i for i in strategy.medoids if not (0 <= i < len(photos) and inside[i])]:
            yield Contradiction(paths.STRATEGIES, owner, "medoids", f"name photo {outside[0]}, which is not in it")
    if unknown := set(photos.strategy.tolist()) - {strategy.index for strategy in found} - {-1}:
        yield Contradiction(paths.PHOTOS, photos.wnid, "strategy", f"is {min(unknown)}, which the strategies table lacks")


def _of_centre(owner: str, strategy: Strategy, contributions: np.ndarray) -> Iterator[Contradiction]:
    """Check the mean contributions of a strategy; ``contributions`` are those of its photos that count."""
    told, k = np.array(strategy.contributions), contributions.shape[1]
    if len(told) != k:
        yield Contradiction(paths.STRATEGIES, owner, "contributions", f"are of {len(told)} concepts, its photos have {k}")
    elif len(contributions) and not _all_close(told, centre := contributions.mean(axis=0, dtype=np.float64)):
        i = int(abs(told - centre).argmax())
        words = f"of concept {i} is {said(told[i].item())}, its photos give {said(centre[i].item())}"
        yield Contradiction(paths.STRATEGIES, owner, "contributions", words)


def _of_strategy(its: Account, inside: np.ndarray, class_index: int) -> dict[str, Number]:
    counted, held = inside & its.counted, inside & its.held & ~its.counted
    taken = Counter(its.photos.predicted[inside & (its.photos.predicted != class_index)].tolist())
    most = max(taken.values(), default=0)
    return {
        "size": int(counted.sum()),
        "size_holdout": int(held.sum()),
        "accuracy": its.accuracy(counted),
        "accuracy_holdout": its.accuracy(held),
        "mistake": min((name for name, times in taken.items() if times == most), default=None),
        "mistakes": most,
    }


def of_groups(record: ClassRecord, strategies: Sequence[Strategy]) -> Iterator[Contradiction]:
    """Check that strategies are shown only of a class that has more groups than chance gives, and no more than it has."""
    if not strategies:
        return
    if record.groups is None or record.groups < len(strategies):
        words = f"is {said(record.groups)}, the strategies table names {len(strategies)}"
        yield Contradiction(paths.CLASSES, record.info.wnid, "groups", words)
    elif record.groups_expected is None or record.groups <= record.groups_expected:
        words = f"is {said(record.groups_expected)}, strategies are shown of {record.groups} groups"
        yield Contradiction(paths.CLASSES, record.info.wnid, "groups_expected", words)


def of_curves(record: ClassRecord, judged: int) -> Iterator[Contradiction]:
    """Check the ends and the areas of curves; ``judged`` is the number of concepts that were taken away."""
    for (measure, method), times in Counter((curve.measure, curve.method) for curve in record.curves).items():
        if times > 1:
            yield Contradiction(paths.CLASSES, f"{record.info.wnid}: {measure} of {method}", "curves", f"are {times}, not one")
    for curve in record.curves:
        owner = f"{record.info.wnid}: {curve.measure} of {curve.method}"
        points = len(curve.values)
        if points < 2 or (curve.method != RANDOM_PATCHES and points != min(judged, MOST_STEPS) + 1):
            words = f"are {points} points, {judged} concepts give {min(judged, MOST_STEPS) + 1}"
            yield Contradiction(paths.CLASSES, owner, "values", words)
            continue
        first, last = _ENDS[curve.measure]
        if not close(curve.values[0], first) or not close(curve.values[-1], last):
            words = f"go from {said(curve.values[0])} to {said(curve.values[-1])}, not from {first:g} to {last:g}"
            yield Contradiction(paths.CLASSES, owner, "values", words)
        if not close(curve.auc, area := _area(curve, judged)):
            yield Contradiction(paths.CLASSES, owner, "auc", f"is {said(curve.auc)}, its values give {said(area)}")


def _area(curve: Curve, judged: int) -> float:
    steps = len(curve.values) - 1
    return float(np.trapezoid(curve.values, _taken(judged if steps == MOST_STEPS else steps, steps)))


@cache
def _taken(concepts: int, steps: int) -> np.ndarray:
    """Return which part of so many concepts is gone after each step: whole concepts."""
    return np.linspace(0, concepts, steps + 1).round() / concepts


def _compared(table: str, owner: str, value: Any, given: Mapping[str, Number], how: str) -> Iterator[Contradiction]:
    """Compare fields of a value with what they must be."""
    for column, right in given.items():
        stored = getattr(value, column)
        if not close(stored, right):
            yield Contradiction(table, owner, column, f"is {said(stored)}, {how} {said(right)}")


def _all_close(stored: np.ndarray, given: np.ndarray) -> bool:
    return bool((abs(stored - given) <= RELATIVE * abs(given) + ABSOLUTE).all())


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean(dtype=np.float64)) if len(values) else None
