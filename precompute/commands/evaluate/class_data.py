"""One class as the backbone sees it: what costs, computed once for every dictionary and estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from atlas.schema import AtlasError, ImageNetClass
from precompute import activations
from precompute.activations import ClassActivations
from precompute.photos import Photo
from precompute.pipeline import BuildContext


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """Activations of the photos of a class; the crops of those fitted, and the crops of those held out."""

    info: ImageNetClass
    activations: ClassActivations
    held_crops: Float[np.ndarray, "crop channel"]
    skipped: dict[str, str]

    @property
    def held(self) -> Bool[np.ndarray, " photo"]:
        """Which photos are held out."""
        return np.array([photo.split == "holdout" for photo in self.activations.photos])

    @property
    def judged(self) -> Bool[np.ndarray, " photo"]:
        """Which photos judge: those held out, or all where none is."""
        held = self.held
        return held if held.any() else ~held

    @property
    def images(self) -> int:
        """How many images have passed through the backbone."""
        return len(self.activations.photos) + len(self.activations.crops) + len(self.held_crops)


def look(context: BuildContext, info: ImageNetClass, photos: Sequence[Photo]) -> Subject:
    """Run the photos of a class through the backbone: crops of the recognised ones of the fit split, and of all held out.

    Raises:
        AtlasError: no photo can be used, or no photo of the fit split is recognised.
    """
    decoder = context.decoder()
    acts = activations.of_class(context.extractor, decoder, photos, class_index=info.class_index, least=0)
    if not len(acts.crops):
        n_fit = sum(photo.split == "fit" for photo in acts.photos)
        raise AtlasError(
            f"of its {len(photos)} photos {len(acts.photos)} can be read and {n_fit} of them are of the fit split; "
            "the backbone recognises none of these, so there is nothing to fit a dictionary on."
        )
    held = [photo for photo in acts.photos if photo.split == "holdout"]
    rows = len(held) * len(context.plan.starts)
    crops, *_ = activations.of_all(context.extractor, decoder(held), n_photos=len(held), rows=rows)
    return Subject(info, acts, crops, dict(decoder.skipped.reasons))
