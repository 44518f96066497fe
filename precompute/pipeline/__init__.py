"""From photographs to a result: composition only. Every step is a stage module; nothing is computed here.

One class: photos → activations A → dictionary V → codes U → contributions φ → concepts, exemplars, strategies → pictures.
"""

from precompute.pipeline.context import BuildContext, digest
from precompute.pipeline.exemplars import Crops, build_exemplars
from precompute.pipeline.given import given
from precompute.pipeline.one_class import build_class, own_concepts
from precompute.pipeline.preflight import require_applicable
from precompute.pipeline.select_classes import with_photos
from precompute.pipeline.shared import build_shared, fitted, shared_images
from precompute.pipeline.visualizations import visualize_ahead

__all__ = [
    "BuildContext",
    "Crops",
    "build_class",
    "build_exemplars",
    "build_shared",
    "digest",
    "fitted",
    "given",
    "own_concepts",
    "require_applicable",
    "shared_images",
    "visualize_ahead",
    "with_photos",
]
