"""Does what a backbone says of photos serve? Asked once, of the first photos, before any class is built."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from atlas.schema import SHARED
from precompute import activations, dictionary
from precompute.activations import Extractor
from precompute.photos import Photo
from precompute.pipeline.context import BuildContext

_FIRST = 4  # photos that are asked: one alone may be black


def require_applicable(context: BuildContext, photos: Sequence[Photo]) -> None:
    """Refuse a network without numbers, and dictionary methods that cannot take its activations, by the first usable photos.

    Without such a photo nothing is refused: the classes say why they fail.

    Raises:
        AtlasError: activations or logits that are NaN or infinite, or a method that does not apply; the message names one that
            does.
    """
    config = context.config
    own = {config.dictionary} if config.scope != SHARED else set()
    shared = {config.shared_dictionary or config.dictionary} if config.scope != "class" else set()
    extractor = Extractor(context.backbone, context.plan, batch=config.batch, done=lambda _: None)
    seen = list(islice(context.decoder()(photos), _FIRST))
    for _, pixels, _ in seen:
        context.backbone.require_numbers(pixels)
    crops, used, *_ = activations.of_all(extractor, seen[:1], n_photos=1)
    for name in sorted(own | shared):
        if used and name in dictionary.REFUSALS:
            dictionary.REFUSALS[name](crops)
