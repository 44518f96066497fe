"""One dictionary for all classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from atlas.schema import SHARED, AtlasError, Concept, Result
from precompute import activations
from precompute.dictionary import codes_of
from precompute.photos import Photo, shuffled
from precompute.pipeline.context import BuildContext, arrays
from precompute.pipeline.exemplars import Crops, build_exemplars, with_aligned
from precompute.pipeline.visualizations import visualize_concepts


def shared_images(context: BuildContext, photos: Sequence[Photo]) -> int:
    """Return how many crops the shared dictionary is fitted on, at most."""
    n_fit = len(fitted(photos))
    return n_fit * activations.crops_kept(context.plan, n_photos=n_fit)


def fitted(photos: Sequence[Photo], most: int = activations.SHARED_ROWS) -> list[Photo]:
    """Return the photos that the shared dictionary is fitted on: the fit split, at the most ``most`` of it.

    Of more photos each class gives as many as any other, or all it has; which, depends on their names alone.
    """
    fit = [photo for photo in photos if photo.split == "fit"]
    if len(fit) <= most:
        return fit
    groups: dict[str, list[Photo]] = {}
    for photo in fit:
        groups.setdefault(photo.wnid, []).append(photo)
    chosen: set[str] = set()
    for i, group in enumerate(sorted(groups.values(), key=len)):  # small classes first: what they leave goes to the others
        share = (most - len(chosen)) // (len(groups) - i)
        chosen.update(photo.key for photo in shuffled(group)[:share])
    return [photo for photo in fit if photo.key in chosen]


def build_shared(context: BuildContext, photos: Sequence[Photo], *, digest: str) -> Result:
    """Fit one dictionary on photos of every class (``fitted``), and show its concepts.

    Raises:
        AtlasError: no photo can be used, or they give fewer crops than concepts.
    """
    fit = fitted(photos)
    decoder = context.decoder()
    context.reporter.stage(SHARED, "activations", shared_images(context, photos))
    A, used, geometry, which = activations.of_all(context.extractor, decoder(fit), n_photos=len(fit))
    if not used:
        raise AtlasError(f"None of the {len(fit)} photos of the fit split can be used: the shared dictionary needs some.")
    context.reporter.stage(SHARED, "dictionary", 0)
    config = context.config
    known = context.given and context.given.dictionary(SHARED, config.shared_dictionary or config.dictionary)
    dictionary = known or context.fit(A, config.shared_concepts, method=context.shared_method)
    context = dataclasses.replace(context, shared=dictionary)
    codes = codes_of(A, dictionary)
    shown, images = build_exemplars(context, SHARED, Crops(used, geometry, which[:, 0], which[:, 1]), codes, dictionary)
    concepts = [Concept(f"{SHARED}/{i}", "shared", None, i, contribution=None, colour=i) for i in range(len(dictionary.atoms))]
    painted = visualize_concepts(context, SHARED, None, dictionary.atoms)
    return Result(
        record=None,
        digest=digest,
        concepts=with_aligned(context, concepts, dictionary.atoms),
        exemplars=shown,
        atoms=dictionary.atoms.astype(np.float16),
        arrays=arrays(dictionary),
        pictures=dataclasses.replace(images, concepts=painted.concepts),
        skipped=decoder.skipped.reasons,
    )
