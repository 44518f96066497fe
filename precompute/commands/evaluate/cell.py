"""One class × dictionary × number of concepts: every measure of the dictionary, and of the estimators on top of it.

Notation: A (crop, channel) activations; U, V codes and atoms; F(u) the class logit of a photo with codes u.
Explained, of a photo: 1 − |residual| ÷ |logit − bias|, residual = logit − F(u), bias = the logit of no activation at all. It is
the same for every dictionary: F(0), where the offset of a centred dictionary is still there, would not compare them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from atlas.schema import RANDOM
from precompute import importance
from precompute.analysis import contributions, faithfulness, metrics
from precompute.commands.evaluate.class_data import Subject
from precompute.dictionary import Dictionary, codes_of
from precompute.pipeline import BuildContext, assessment
from precompute.pipeline.context import reconstruct
from precompute.pipeline.decomposition import DecomposedLogits, explain
from precompute.pipeline.estimators import judging

#: Measured on the photos that judge; with ``_fit`` after it, on those of the fit.
JUDGED = ("relative_l2", "sparsity", "hoyer", "fid", "ood", "explained")
#: What as many random patches give in place of the dictionary, on crops of the fit; ``explained`` on the photos that judge.
BY_CHANCE = ("relative_l2_random", "fid_random", "ood_random", "explained_random", "stability_random")
#: Every measure of a dictionary: ``seconds`` are those of one fit, on one thread.
MEASURES = (*JUDGED, "stability", "stability_halves", *BY_CHANCE, "seconds", *(f"{name}_fit" for name in JUDGED))
#: Every measure of an estimator.
FAITHFULNESS = ("c_deletion", "c_insertion", "c_mu_fidelity")


@dataclass(frozen=True, slots=True)
class Cell:
    """What was measured; a number that is not defined is ``None``."""

    digest: str
    wnid: str
    name: str
    dictionary: str
    concepts: int
    judged_on: Literal["holdout", "all"]  # all: the class has no holdout photos
    n_fitted: int  # photos
    n_judged: int
    n_asked: int  # of these photos, those the estimators are judged on: a few where the head has no closed form
    left_out: int  # of those, photos without a curve: their concepts do not raise the logit
    skipped: dict[str, str]  # photos that cannot be used, and why
    measures: dict[str, float | None]
    estimators: dict[str, dict[str, float | None]]  # and "random"
    agreement: dict[str, dict[str, float | None]]  # Spearman, mean over photos


def measure(context: BuildContext, subject: Subject, estimators: Sequence[str], *, digest: str) -> Cell:
    """Fit the dictionary of the context's settings on a class, and judge it and the estimators.

    Raises:
        AtlasError: the method cannot be fitted on these activations.
    """
    acts, config = subject.activations, context.config
    start = time.perf_counter()
    dictionary = context.fit(acts.crops, config.concepts)
    seconds = time.perf_counter() - start
    again = assessment.refitted(acts, dictionary, context)
    stable = again.stability(dictionary)
    n, positions, channels = acts.positions.shape
    U = codes_of(acts.positions.reshape(-1, channels), dictionary).reshape(n, positions, -1)
    taken_apart = explain(context.backbone, subject.info, acts, dictionary, U, seed=config.seed)
    explained = contributions.explained(taken_apart.parts.residual, acts.class_logit, taken_apart.bias)
    fit = assessment.of_crops(acts, dictionary, context) | {"explained": contributions.mean_known(explained[acts.fitted])}
    told = {"explained": contributions.mean_known(explained[subject.judged])}
    judged = _judged(subject, dictionary, context, fit) | told
    chance = assessment.by_chance(context, subject.info, acts, config.concepts, judges=subject.judged)
    chosen = judging(taken_apart, subject.held)
    found, agreement, left_out = _estimators(taken_apart.of(chosen), estimators, seed=config.seed)
    return Cell(
        digest=digest,
        wnid=subject.info.wnid,
        name=subject.info.name,
        dictionary=config.dictionary,
        concepts=config.concepts,
        judged_on="holdout" if subject.held.any() else "all",
        n_fitted=int(acts.fitted.sum()),
        n_judged=int(subject.judged.sum()),
        n_asked=len(chosen),
        left_out=left_out,
        skipped=subject.skipped,
        measures={
            **{name: judged[name] for name in JUDGED},
            "stability": stable.overall if stable else None,
            "stability_halves": metrics.likeness([half.atoms for half in again.halves]),
            **{name: chance.get(name) for name in BY_CHANCE},
            "seconds": seconds,
            **{f"{name}_fit": fit[name] for name in JUDGED},
        },
        estimators=found,
        agreement=agreement,
    )


def _judged(
    subject: Subject, dictionary: Dictionary, context: BuildContext, fit: dict[str, float | None]
) -> dict[str, float | None]:
    """Return the measures of the dictionary on crops of the photos held out, or else those of the fit."""
    A = subject.held_crops
    if not len(A):
        return dict(fit)
    U = codes_of(A, dictionary)
    made = reconstruct(U, dictionary)
    return {
        "relative_l2": metrics.relative_l2(A, made),
        "sparsity": metrics.sparsity(U),
        "hoyer": metrics.hoyer(U),
        "fid": metrics.fid(A, made),
        "ood": metrics.ood(made, subject.activations.crops, A),
    }


def _estimators(
    taken_apart: DecomposedLogits, names: Sequence[str], *, seed: int
) -> tuple[dict[str, dict[str, float | None]], dict[str, dict[str, float | None]], int]:
    """Return the faithfulness of every estimator and of chance, how far their rankings agree, and the photos left out."""
    head, codes = taken_apart.head, taken_apart.codes
    phi = {name: importance.METHODS[name].estimate(codes, head, seed=seed) for name in names}
    verdict = faithfulness.evaluate(codes, head, phi, seed=seed)
    found = {
        name: {
            "c_deletion": verdict.auc(name, "c_deletion"),
            "c_insertion": verdict.auc(name, "c_insertion"),
            "c_mu_fidelity": verdict.mu_fidelity[name],
        }
        for name in (*names, RANDOM)
    }
    agreement = {first: {second: faithfulness.agreement(phi[first], phi[second]) for second in names} for first in names}
    return found, agreement, verdict.left_out
