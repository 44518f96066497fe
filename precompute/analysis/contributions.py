"""How much each concept contributes to the class logit, exactly.

Notation: ū (photo, concept) spatial means of the codes; V (concept, channel) atoms; w, b weights and bias of the class.
With mean pooling and an affine head, F(x) = Σ_i ū_i (V_i·w) + b + r(x): φ_i = ū_i (V_i·w) is the contribution of concept i, in
logits, and r what the dictionary leaves out (Fel et al., NeurIPS 2023, "A Holistic Approach …", section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from atlas.schema import LEAST_LOGIT, Concept, dominant_concept

RESAMPLES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """The class logit of every photo, taken apart; contributions + bias + residual = class logit."""

    contributions: Float[np.ndarray, "photo concept"]
    bias: Float[np.ndarray, " photo"]
    residual: Float[np.ndarray, " photo"]

    @property
    def above(self) -> Float[np.ndarray, " photo"]:
        """How far each logit lies above its bias: contributions and residual together."""
        total: np.ndarray = self.contributions.sum(axis=1, dtype=np.float64) + self.residual
        return total

    def of(self, photos: Bool[np.ndarray, " photo"] | Int[np.ndarray, " chosen"]) -> Decomposition:
        """Return some of the photos."""
        return Decomposition(self.contributions[photos], self.bias[photos], self.residual[photos])

    def reordered(self, concepts: Int[np.ndarray, " concept"]) -> Decomposition:
        """Return the same photos with their concepts in another order."""
        return Decomposition(self.contributions[:, concepts], self.bias, self.residual)


def decompose(
    codes: Float[np.ndarray, "photo concept"],
    atoms: Float[np.ndarray, "concept channel"],
    *,
    weight: Float[np.ndarray, " channel"],
    bias: float,
    class_logit: Float[np.ndarray, " photo"],
    offset: Float[np.ndarray, " channel"] | None = None,
) -> Decomposition:
    """Take the class logits apart in closed form. The part of ``offset`` (of a centred dictionary) belongs to the bias."""
    contributions = (codes * (atoms @ weight)).astype(np.float32)
    constant = bias + (float(offset @ weight) if offset is not None else 0.0)
    constants = np.full(len(codes), constant, np.float32)
    residual = class_logit.astype(np.float64) - constants - contributions.sum(axis=1, dtype=np.float64)
    return Decomposition(contributions, constants, residual.astype(np.float32))


def complete(
    phi: Float[np.ndarray, "photo concept"],
    *,
    without: Float[np.ndarray, " photo"],
    class_logit: Float[np.ndarray, " photo"],
) -> Decomposition:
    """Take the class logits apart by an importance in logits, where there is no closed form.

    ``without`` is the logit with every code at zero: it stands in for the bias. What the importance and the dictionary leave
    out together is the residual.
    """
    residual = class_logit.astype(np.float64) - without - phi.sum(axis=1, dtype=np.float64)
    return Decomposition(phi.astype(np.float32), without.astype(np.float32), residual.astype(np.float32))


def explained(
    residual: Float[np.ndarray, " photo"], class_logit: Float[np.ndarray, " photo"], bias: Float[np.ndarray, " photo"]
) -> Float[np.ndarray, " photo"]:
    """Return the share of every photo's logit that the dictionary accounts for: 1 − |residual| ÷ |logit − bias|, at least 0.

    The share is bounded because a logit near its bias would otherwise outweigh all other photos of a class; NaN where the logit
    is its bias: of nothing, no share is known.
    """
    above = np.abs(class_logit - bias)
    some = above > LEAST_LOGIT
    missed = np.divide(np.abs(residual), above, out=np.full_like(above, np.nan, np.float64), where=some)
    return np.clip(1 - missed, 0, None)


def mean_known(values: Float[np.ndarray, " photo"]) -> float | None:
    """Return the mean of the values that are known (not NaN); None where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def shares(
    mean_contributions: Float[np.ndarray, "*draw concept"], above: Float[np.ndarray, "*draw"] | float
) -> Float[np.ndarray, "*draw concept"]:
    """Return contribution ÷ (class logit − bias), both means over photos; NaN where the logit is not above its bias.

    With the residual ÷ the same they add up to 1: what no concept explains is never divided away.
    """
    whole = np.asarray(above, np.float64)[..., None]
    return np.divide(mean_contributions, whole, out=np.full(np.shape(mean_contributions), np.nan), where=whole > LEAST_LOGIT)


def share_interval(accounts: Sequence[Decomposition], *, seed: int) -> Float[np.ndarray, "two concept"]:
    """Return the 2.5 % and 97.5 % quantiles of the shares over resampled photos and refits of the dictionary.

    Args:
        accounts: the logits of the same photos by the dictionary and by each refit, its concepts in the order of the
            dictionary's; with the dictionary alone the interval is over photos, and too narrow.
        seed: of the bootstrap, in which a photo is the unit.

    Returns:
        NaN below two photos, and where the logit is not above its bias in some resample.
    """
    n, k = accounts[0].contributions.shape
    if n < 2:
        return np.full((2, k), np.nan)
    random = np.random.default_rng(seed)
    each = -(-RESAMPLES // len(accounts))
    draws = []
    for account in accounts:
        counts = random.multinomial(n, np.full(n, 1 / n), size=each) / n
        draws.append(shares(counts @ account.contributions.astype(np.float64), counts @ account.above))
    return np.quantile(np.concatenate(draws), [0.025, 0.975], axis=0)


def concepts_of_class(
    wnid: str,
    accounts: Sequence[Decomposition],
    *,
    correct: Bool[np.ndarray, " photo"],
    basis: Bool[np.ndarray, " photo"],
    seed: int,
) -> tuple[Concept, ...]:
    """Summarise the contributions over the photos of a class: a concept an axis, in index order.

    Args:
        wnid: of the class.
        accounts: the logits by the dictionary, and by refits of it (as in ``share_interval``).
        correct: which photos the network recognises.
        basis: the photos that numbers are means over; the others are held out, and counted apart.
        seed: of the bootstrap.
    """
    own = accounts[0].of(basis)
    k = own.contributions.shape[1]
    mean = own.contributions.mean(axis=0, dtype=np.float64)
    share = shares(mean, own.above.mean())
    low, high = share_interval([account.of(basis) for account in accounts], seed=seed)
    rank = np.argsort(np.argsort(-np.abs(mean), kind="stable"), kind="stable")
    dominant = dominant_concept(accounts[0].contributions)
    count, reliability = _led(dominant[basis], correct[basis], k)
    count_holdout, reliability_holdout = _led(dominant[~basis], correct[~basis], k)
    return tuple(
        Concept(
            concept_id=f"{wnid}/{i}",
            scope="class",
            wnid=wnid,
            index=i,
            contribution=float(mean[i]),
            share=_known(share[i]),
            share_low=_known(low[i]),
            share_high=_known(high[i]),
            prevalence=float(count[i] / len(own.bias)),
            reliability=reliability[i],
            dominates=int(count[i]),
            dominates_holdout=int(count_holdout[i]),
            reliability_holdout=reliability_holdout[i],
            colour=int(rank[i]),
        )
        for i in range(k)
    )


def _led(
    dominant: Int[np.ndarray, " photo"], correct: Bool[np.ndarray, " photo"], concepts: int
) -> tuple[Int[np.ndarray, " concept"], list[float | None]]:
    """Return how many photos each concept dominates, and how many of these are recognised: None of none."""
    led = dominant >= 0
    count = np.bincount(dominant[led], minlength=concepts)
    right = np.bincount(dominant[led], weights=correct[led], minlength=concepts)
    return count, [float(r / c) if c else None for r, c in zip(right, count, strict=True)]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
