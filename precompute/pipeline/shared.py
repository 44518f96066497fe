"""One dictionary for all classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from atlas.schema import SHARED, AtlasError, Concept, Result
from precompute import activations
from precompute.photos import Photo
from precompute.pipeline.painting import paint
from precompute.pipeline.showing import Crops, show, with_aligned
from precompute.pipeline.workshop import Workshop, arrays


def shared_images(workshop: Workshop, photos: Sequence[Photo]) -> int:
    """Return how many crops the shared dictionary is fitted on, at most."""
    n_fit = sum(photo.split == "fit" for photo in photos)
    return n_fit * activations.crops_kept(workshop.plan, n_photos=n_fit)


def build_shared(workshop: Workshop, photos: Sequence[Photo], *, digest: str) -> Result:
    """Fit one dictionary on the photos of every class (fit split), and show its concepts.

    Raises:
        AtlasError: no photo can be used, or they give fewer crops than concepts.
    """
    fit = [p for p in photos if p.split == "fit"]
    decoder = workshop.decoder()
    workshop.reporter.stage(SHARED, "activations", shared_images(workshop, photos))
    A, used, geometry, which = activations.of_all(workshop.extractor, decoder(fit), n_photos=len(fit))
    if not used:
        raise AtlasError(f"None of the {len(fit)} photos of the fit split can be used: the shared dictionary needs some.")
    workshop.reporter.stage(SHARED, "dictionary", 0)
    dictionary = workshop.fit(A, workshop.config.shared_concepts, method=workshop.shared_method)
    workshop = dataclasses.replace(workshop, shared=dictionary)
    codes = workshop.encode(A, dictionary)
    shown, images = show(workshop, SHARED, Crops(used, geometry, which[:, 0], which[:, 1]), codes, dictionary)
    concepts = [Concept(f"{SHARED}/{i}", "shared", None, i, contribution=None, colour=i) for i in range(len(dictionary.atoms))]
    painted = paint(workshop, SHARED, None, dictionary.atoms)
    return Result(
        record=None,
        digest=digest,
        concepts=with_aligned(workshop, concepts, dictionary.atoms),
        exemplars=shown,
        atoms=dictionary.atoms.astype(np.float16),
        arrays=arrays(dictionary),
        pictures=dataclasses.replace(images, concepts=painted.concepts),
        skipped=decoder.skipped.reasons,
    )
