"""Does a dictionary method apply to what a backbone says? Asked once, of one photo, before any class is built."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from atlas.schema import SHARED
from precompute import activations, dictionary
from precompute.activations import Extractor
from precompute.photos import Photo
from precompute.pipeline.workshop import Workshop


def require_applicable(workshop: Workshop, photos: Sequence[Photo]) -> None:
    """Refuse dictionary methods that cannot take the activations of the first photo that can be read.

    Without such a photo nothing is refused: the classes say why they fail.

    Raises:
        AtlasError: the method does not apply; the message names one that does.
    """
    config = workshop.config
    own = {config.dictionary} if config.scope != SHARED else set()
    shared = {config.shared_dictionary or config.dictionary} if config.scope != "class" else set()
    refusals = [dictionary.REFUSALS[name] for name in sorted(own | shared) if name in dictionary.REFUSALS]
    if not refusals:
        return
    extractor = Extractor(workshop.backbone, workshop.plan, batch=workshop.config.batch, done=lambda _: None)
    for photo in photos:
        seen = islice(workshop.decoder()([photo]), 1)
        crops, used, *_ = activations.of_all(extractor, seen, n_photos=1)
        if used:
            for refuse in refusals:
                refuse(crops)
            return
