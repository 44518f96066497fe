"""Is the importance of concepts true to the network? Measured by taking concepts away, in concept space.

Notation: F(u) the class logit of a photo with codes u; m a mask; φ (photo, concept) an importance, or (concept,) one for
the whole class. After Fel et al., *A Holistic Approach …* (NeurIPS 2023), and RISE (Petsiuk et al., BMVC 2018) for the
curves, Bhatt et al., *Evaluating and Aggregating …* (IJCAI 2020) for the correlation.

C-Deletion: F while concepts are zeroed from the most important on (a small area is good). C-Insertion: the same from no
concept at all (a large area is good). F is normalised per photo to F(u) = 1 and F(0) = 0 before photos are averaged, so a
photo whose concepts do not raise its logit, F(u) ≤ F(0), has no curve: it is left out, and counted. C-μFidelity: the
Spearman correlation of Σ_{i∈S} φ_i with F(u) − F(u with S zeroed) over random sets S; −1 … 1, large is good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from atlas.schema import RANDOM, Curve

_STEPS = 25  # at most; one concept a step while there are so few
_RANKINGS = 200  # random ones, at least, over all photos together
_SETS = 200
_SET_SHARE = 0.2
_EPS = 1e-6  # of |F|: differences below are rounding (float32)

Measure = Literal["c_deletion", "c_insertion"]


@runtime_checkable
class MaskedLogit(Protocol):
    """What is asked of a head: the logit with concepts scaled by masks."""

    def masked(
        self, codes: Float[np.ndarray, "photo *position concept"], masks: Float[np.ndarray, "*own design concept"]
    ) -> Float[np.ndarray, "photo design"]:
        """Return F(u ⊙ m) of each photo under each mask; masks (photo, design, concept) give each photo its own."""

    def of(self, photos: Int[np.ndarray, " chosen"]) -> MaskedLogit:
        """Return the head of some photos: each may read something of its own beside the codes."""


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """The verdict on each importance, and on a random one (``"random"``)."""

    curves: tuple[Curve, ...]  # two an importance, two of random; none if every photo was left out
    mu_fidelity: dict[str, float | None]  # None: no photo has a defined correlation
    n_photos: int
    left_out: int  # photos without a curve

    def auc(self, method: str, measure: Measure) -> float | None:
        """Return the area under one curve."""
        return next((c.auc for c in self.curves if (c.method, c.measure) == (method, measure)), None)


def evaluate(
    codes: Float[np.ndarray, "photo *position concept"],
    head: MaskedLogit,
    importances: Mapping[str, np.ndarray],
    *,
    seed: int,
) -> Faithfulness:
    """Measure every importance, each (photo, concept) or (concept,), and a random one beside them."""
    photos, concepts = len(codes), codes.shape[-1]
    repeats = -(-_RANKINGS // max(photos, 1))
    chance = np.random.default_rng(seed).random((photos * repeats, concepts))
    sets, drops = set_drops(codes, head, seed=seed)
    drawn: list[Curve] = []
    fidelity: dict[str, float | None] = {}
    for name, importance in importances.items():
        phi = np.broadcast_to(importance, (photos, concepts)).astype(np.float64)
        drawn += curves(name, codes, head, phi)
        fidelity[name] = _mean(mu_fidelity(phi, sets, drops))
    again = np.repeat(np.arange(photos), repeats)
    drawn += curves(RANDOM, codes[again], head.of(again), chance)
    fidelity[RANDOM] = _mean(mu_fidelity(chance, sets, drops[again]))
    F = head.masked(codes, np.repeat([[1.0], [0.0]], concepts, axis=1))
    return Faithfulness(tuple(drawn), fidelity, photos, int((~_raised(F[:, 0], F[:, 1])).sum()))


def trajectories(
    codes: Float[np.ndarray, "photo *position concept"],
    head: MaskedLogit,
    importance: Float[np.ndarray, "photo concept"],
    *,
    measure: Measure,
) -> Float[np.ndarray, "photo step"]:
    """Return the normalised logit after each step, 0 … k concepts taken (or given back); NaN for a photo that is left out."""
    rank = (-importance).argsort(axis=1, kind="stable").argsort(axis=1)  # 0: the most important; ties to the lower index
    taken = rank[:, None, :] < _steps(importance.shape[1])[:, None]
    F = head.masked(codes, (taken if measure == "c_insertion" else ~taken).astype(np.float64))
    whole, none = (F[:, -1:], F[:, :1]) if measure == "c_insertion" else (F[:, :1], F[:, -1:])
    raised = _raised(whole, none)
    normalised: np.ndarray = np.where(raised, (F - none) / np.where(raised, whole - none, 1.0), np.nan)
    return normalised


def set_drops(
    codes: Float[np.ndarray, "photo *position concept"], head: MaskedLogit, *, seed: int
) -> tuple[Float[np.ndarray, "set concept"], Float[np.ndarray, "photo set"]]:
    """Draw 200 random sets of a fifth of the concepts (one at least); return them and F(u) − F(u with the set zeroed)."""
    concepts = codes.shape[-1]
    first = np.arange(concepts) < max(1, round(_SET_SHARE * concepts))
    sets = np.random.default_rng(seed).permuted(np.tile(first, (_SETS, 1)), axis=1).astype(np.float64)
    distinct, again = np.unique(sets, axis=0, return_inverse=True)  # of 10 concepts there are but 45 pairs
    F = head.masked(codes, np.concatenate([np.ones((1, concepts)), 1 - distinct]))
    drops = F[:, :1] - F[:, 1:]
    constant = np.ptp(drops, axis=1, keepdims=True) <= _EPS * abs(F).max(axis=1, keepdims=True)
    return sets, np.where(constant, 0.0, drops)[:, again]


def mu_fidelity(
    importance: Float[np.ndarray, "photo concept"], sets: Float[np.ndarray, "set concept"], drops: Float[np.ndarray, "photo set"]
) -> Float[np.ndarray, " photo"]:
    """Return C-μFidelity of each photo; NaN where the drops, or the sums of importances, are all the same."""
    return _spearman(importance @ sets.T, drops)


def curves(
    name: str,
    codes: Float[np.ndarray, "photo *position concept"],
    head: MaskedLogit,
    importance: Float[np.ndarray, "photo concept"],
) -> tuple[Curve, ...]:
    """Average the two curves over the photos that have one; none where none has."""
    found = []
    for measure in get_args(Measure):
        rows = trajectories(codes, head, importance, measure=measure)
        rows = rows[~np.isnan(rows[:, 0])]
        if len(rows):
            mean = rows.mean(axis=0)
            area = np.trapezoid(mean, _steps(importance.shape[1]) / importance.shape[1])
            found.append(Curve(name, measure, tuple(mean.tolist()), float(area)))
    return tuple(found)


def agreement(first: Float[np.ndarray, "photo concept"], second: Float[np.ndarray, "photo concept"]) -> float | None:
    """Return how alike two importances rank concepts: Spearman's correlation, mean over photos; None where it is not defined.

    It is C-μFidelity with sets of one concept each.
    """
    return _mean(mu_fidelity(first, np.eye(first.shape[1]), second))


def mean_agreement(importances: Mapping[str, Float[np.ndarray, "photo concept"]]) -> float | None:
    """Return the agreement of importances, mean over pairs; None below three concepts, where ranks say little, or two of them."""
    if any(values.shape[1] < 3 for values in importances.values()):
        return None
    pairs = [agreement(first, second) for first, second in combinations(importances.values(), 2)]
    return _mean(np.array([np.nan if pair is None else pair for pair in pairs]))


def _steps(concepts: int) -> Int[np.ndarray, " step"]:
    """Return how many concepts are gone after each step: 0, 1, …, k, or 25 equal steps if k is larger."""
    return np.linspace(0, concepts, min(concepts, _STEPS) + 1).round().astype(np.int64)


def _raised(whole: Float[np.ndarray, "*photo"], none: Float[np.ndarray, "*photo"]) -> Bool[np.ndarray, "*photo"]:
    """Tell where the concepts raise the logit: F(u) > F(0), by more than rounding."""
    return np.asarray(whole - none > _EPS * np.maximum(abs(whole), abs(none)))


def _spearman(first: Float[np.ndarray, "photo set"], second: Float[np.ndarray, "photo set"]) -> Float[np.ndarray, " photo"]:
    """Correlate the ranks (ties share theirs) of each row; NaN where either row is constant."""
    x, y = (rankdata(_grid(values), axis=1) - (values.shape[1] + 1) / 2 for values in (first, second))
    norm = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    correlation: np.ndarray = (x * y).sum(axis=1) / np.where(norm > 0, norm, np.nan)
    return correlation


def _grid(values: Float[np.ndarray, "photo set"]) -> Float[np.ndarray, "photo set"]:
    """Round each row to a millionth of its largest, so that what is equal but for rounding ranks equal."""
    unit = _EPS * abs(values).max(axis=1, keepdims=True)
    grid: np.ndarray = (values / np.where(unit > 0, unit, 1.0)).round()
    return grid


def _mean(values: Float[np.ndarray, " photo"]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
