"""How good the dictionary of a class is: its measures, what comes back when it is fitted again, and what chance gives instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from atlas.schema import RANDOM_PATCHES, Curve, ImageNetClass
from precompute.activations import ClassActivations
from precompute.analysis import contributions, faithfulness, metrics
from precompute.analysis.contributions import Decomposition
from precompute.analysis.metrics import Stability
from precompute.dictionary import Dictionary, codes_of, nonnegative, refits
from precompute.importance import AffineHead
from precompute.pipeline.context import BuildContext, reconstruct
from precompute.pipeline.decomposition import DecomposedLogits, explain, reached


def of_crops(acts: ClassActivations, dictionary: Dictionary, context: BuildContext) -> dict[str, float | None]:
    """Return the measures of a dictionary, by their names in a class record, on the crops it was fitted on.

    Of a class that is explained by the shared dictionary no crops are cut: its positions take their place.
    """
    A = acts.crops if len(acts.crops) else acts.positions.reshape(-1, acts.positions.shape[2])
    U = codes_of(A, dictionary)
    return {**_reconstruction(acts, A, reconstruct(U, dictionary)), "sparsity": metrics.sparsity(U), "hoyer": metrics.hoyer(U)}


def _reconstruction(acts: ClassActivations, A: np.ndarray, made: np.ndarray) -> dict[str, float | None]:
    """Return what tells reconstructions from activations; OOD compares those of every fifth photo with the other photos."""
    own = len(acts.crops) > 0
    fifth = (np.unique(acts.crop_photo, return_inverse=True)[1] % 5 == 4) if own else np.zeros(len(A), bool)
    return {
        "relative_l2": metrics.relative_l2(A, made),
        "fid": metrics.fid(A, made),
        "ood": metrics.ood(made[fifth], A[~fifth], A[fifth]),
    }


def of_photos(
    acts: ClassActivations, dictionary: Dictionary, codes: Float[np.ndarray, "photo position concept"], basis: np.ndarray
) -> dict[str, float | None]:
    """Return the reconstruction error at every position of whole photos, and of their means, which an affine head sees."""
    A, made = acts.positions[basis], reconstruct(codes[basis], dictionary)
    return {
        "relative_l2_positions": metrics.relative_l2(A.reshape(-1, A.shape[2]), made.reshape(-1, A.shape[2])),
        "relative_l2_means": metrics.relative_l2(A.mean(axis=1), made.mean(axis=1)),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Refitted:
    """A class's own dictionary fitted again on parts of its photos."""

    folds: tuple[Dictionary, ...]  # a fifth of the photos left out of each
    halves: tuple[Dictionary, ...]  # that share no photo

    def stability(self, dictionary: Dictionary) -> Stability | None:
        """Return how much of the dictionary the folds find again."""
        return metrics.stability(dictionary.atoms, [d.atoms for d in self.folds])


def refitted(acts: ClassActivations, dictionary: Dictionary, context: BuildContext) -> Refitted:
    """Fit a class's own dictionary again, on folds and on halves of its photos."""
    seed, concepts = context.config.seed, len(dictionary.atoms)

    def fit(rows: np.ndarray) -> Dictionary:
        return context.fit(rows, concepts)

    return Refitted(
        refits.without_folds(acts.crops, fit, groups=acts.crop_photo, seed=seed),
        refits.on_halves(acts.crops, fit, groups=acts.crop_photo, seed=seed),
    )


def accounts(
    context: BuildContext, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary, again: Refitted
) -> tuple[Decomposition, ...]:
    """Return the logits by every refit of a dictionary, concepts in its order; none where there is no closed form.

    An interval over these says how far a share is one of the network, and how far one of the fit.
    """
    if context.backbone.linear_head is None:
        return ()
    n, positions, channels = acts.positions.shape
    rows = acts.positions.reshape(-1, channels)
    found = []
    for refit in again.folds:
        codes = codes_of(rows, refit).reshape(n, positions, -1)
        parts = explain(context.backbone, info, acts, refit, codes, seed=context.config.seed).parts
        found.append(parts.reordered(metrics.partners(dictionary.atoms, refit.atoms)))
    return tuple(found)


def by_chance(
    context: BuildContext, info: ImageNetClass, acts: ClassActivations, concepts: int, *, judges: Bool[np.ndarray, " photo"]
) -> dict[str, Any]:
    """Return what random patches taken for atoms give, as columns of a class record and curves, mean over several draws.

    Args:
        context: whose backbone and seed are used.
        info: the class.
        acts: what it was fitted on, and its photos.
        concepts: how many patches.
        judges: the photos that explained and curves are taken of.
    """
    drawn = refits.random_patches(acts.crops, concepts, seed=context.config.seed)
    if not drawn:
        return {}
    made = [_reconstruction(acts, acts.crops, reconstruct(nonnegative.solve(acts.crops, d.atoms), d)) for d in drawn]
    found: dict[str, Any] = {f"{name}_random": _mean([one[name] for one in made]) for name in made[0]}
    found["stability_random"] = metrics.likeness([d.atoms for d in drawn])
    judged = acts.of(np.flatnonzero(judges))
    codes = [_codes(judged, dictionary) for dictionary in drawn]
    found["explained_random"] = _mean([_explained(context, info, judged, d, U) for d, U in zip(drawn, codes, strict=True)])
    if context.backbone.linear_head is not None:
        found["curves"] = _mean_curves([_curves(context, info, d, U) for d, U in zip(drawn, codes, strict=True)])
    return found


def _codes(acts: ClassActivations, dictionary: Dictionary) -> Float[np.ndarray, "photo position concept"]:
    n, positions, channels = acts.positions.shape
    return nonnegative.solve(acts.positions.reshape(-1, channels), dictionary.atoms).reshape(n, positions, -1)


def _explained(
    context: BuildContext, info: ImageNetClass, acts: ClassActivations, dictionary: Dictionary, codes: np.ndarray
) -> float | None:
    whole, none = reached(context.backbone, info, acts, dictionary, codes)
    return contributions.mean_known(contributions.explained(acts.class_logit - whole, acts.class_logit, none))


def _curves(context: BuildContext, info: ImageNetClass, dictionary: Dictionary, codes: np.ndarray) -> tuple[Curve, ...]:
    """Return the curves of the contributions of random patches, photo by photo."""
    weight, bias = context.backbone.class_head(info.class_index)
    head = AffineHead(slope=dictionary.atoms @ weight, constant=bias)
    means = codes.mean(axis=1)
    return faithfulness.curves(RANDOM_PATCHES, means, head, head.contributions(means))


def _mean_curves(draws: Sequence[tuple[Curve, ...]]) -> tuple[Curve, ...]:
    """Average each measure's curve over the draws that have one."""
    by_measure: dict[str, list[Curve]] = {}
    for curve in (curve for curves in draws for curve in curves):
        by_measure.setdefault(curve.measure, []).append(curve)
    return tuple(
        Curve(
            RANDOM_PATCHES,
            curves[0].measure,
            tuple(np.mean([curve.values for curve in curves], axis=0).tolist()),
            float(np.mean([curve.auc for curve in curves])),
        )
        for curves in by_measure.values()
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def explained(
    own: DecomposedLogits, acts: ClassActivations, basis: Bool[np.ndarray, " photo"]
) -> tuple[float | None, float | None]:
    """Return how much of the logit a dictionary explains, a mean over the photos: of the basis, and of those held out."""
    share = contributions.explained(own.parts.residual, acts.class_logit, own.bias)
    return contributions.mean_known(share[basis]), contributions.mean_known(share[~basis])
