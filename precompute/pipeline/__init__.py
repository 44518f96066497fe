"""From photographs to a result: composition only. Every step is a stage module; nothing is computed here.

One class: photos → activations A → dictionary V → codes U → contributions φ → concepts, exemplars, strategies → pictures.
"""

from precompute.pipeline.applies import require_applicable
from precompute.pipeline.given import given
from precompute.pipeline.one_class import build_class, own_concepts
from precompute.pipeline.painting import paint_ahead
from precompute.pipeline.shared import build_shared, fitted, shared_images
from precompute.pipeline.showing import Crops, show
from precompute.pipeline.wanted import with_photos
from precompute.pipeline.workshop import Workshop, digest

__all__ = [
    "Crops",
    "Workshop",
    "build_class",
    "build_shared",
    "digest",
    "fitted",
    "given",
    "own_concepts",
    "paint_ahead",
    "require_applicable",
    "shared_images",
    "show",
    "with_photos",
]
