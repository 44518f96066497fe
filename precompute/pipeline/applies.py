"""Does a dictionary method apply to what a backbone says? Asked once, of one photo, before any class is built."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from precompute import activations, dictionary
from precompute.activations import Extractor
from precompute.photos import Photo
from precompute.pipeline.workshop import Workshop


def require_applicable(workshop: Workshop, photos: Sequence[Photo]) -> None:
    """Refuse a dictionary method that cannot take the activations of the first photo that can be read.

    Without such a photo nothing is refused: the classes say why they fail.

    Raises:
        AtlasError: the method does not apply; the message names one that does.
    """
    method = workshop.config.dictionary
    if method not in dictionary.REFUSALS:
        return
    extractor = Extractor(workshop.backbone, workshop.plan, batch=workshop.config.batch, done=lambda _: None)
    for photo in photos:
        seen = islice(workshop.decoder()([photo]), 1)
        crops, used, *_ = activations.of_all(extractor, seen, n_photos=1)
        if used:
            dictionary.REFUSALS[method](crops)
            return
