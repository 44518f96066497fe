"""How much each concept contributes to the class logit, exactly.

Notation: ū (photo, concept) spatial means of the codes; V (concept, channel) atoms; w, b weights and bias of the class.
With mean pooling and an affine head, F(x) = Σ_i ū_i (V_i·w) + b + r(x): φ_i = ū_i (V_i·w) is the contribution of concept i, in
logits, and r what the dictionary leaves out (Fel et al., NeurIPS 2023, "A Holistic Approach …", section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from atlas.schema import Concept

RESAMPLES = 200


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """The class logit of every photo, taken apart; contributions + bias + residual = class logit."""

    contributions: Float[np.ndarray, "photo concept"]
    bias: Float[np.ndarray, " photo"]
    residual: Float[np.ndarray, " photo"]


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

    The share is bounded because a logit near its bias would otherwise outweigh all other photos of a class.
    """
    return np.clip(1 - np.abs(residual) / np.maximum(np.abs(class_logit - bias), 1e-6), 0, None)


def shares(mean_contributions: Float[np.ndarray, "... concept"]) -> Float[np.ndarray, "... concept"]:
    """Return contribution ÷ sum of the positive contributions; NaN where nothing is positive."""
    positive = np.clip(mean_contributions, 0, None).sum(axis=-1, keepdims=True)
    return np.divide(mean_contributions, positive, out=np.full_like(mean_contributions, np.nan), where=positive > 0)


def share_interval(contributions: Float[np.ndarray, "photo concept"], *, seed: int) -> Float[np.ndarray, "two concept"]:
    """Return the 2.5 % and 97.5 % quantiles of the shares over bootstrap resamples of the photos; NaN below two photos."""
    n = len(contributions)
    if n < 2:
        return np.full((2, contributions.shape[1]), np.nan)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    resampled = shares(counts @ contributions.astype(np.float64) / n)
    return np.quantile(resampled, [0.025, 0.975], axis=0)


def concepts_of_class(
    wnid: str,
    contributions: Float[np.ndarray, "photo concept"],
    *,
    dominant: Int[np.ndarray, " photo"],
    correct: np.ndarray,
    seed: int,
) -> tuple[Concept, ...]:
    """Summarise the contributions over the photos of a class: a concept an axis, in index order."""
    k = contributions.shape[1]
    mean = contributions.mean(axis=0, dtype=np.float64)
    share = shares(mean)
    low, high = share_interval(contributions, seed=seed)
    rank = np.argsort(np.argsort(-np.abs(mean), kind="stable"), kind="stable")
    count = np.bincount(dominant, minlength=k)
    right = np.bincount(dominant, weights=correct, minlength=k)
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
            prevalence=float(count[i] / len(dominant)),
            reliability=float(right[i] / count[i]) if count[i] else None,
            colour=int(rank[i]),
        )
        for i in range(k)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
