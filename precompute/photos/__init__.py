"""Photographs in: folders of wnids, tar shards, or the packaged samples → photos in a fixed order → pixels.

The one package that reads photographs. A file that cannot be used is skipped with a reason, never fatal.
"""

from atlas.photos import LARGEST_PIXELS, Unusable
from precompute.photos.copies import COPY_OF, counted, without_copies
from precompute.photos.decoding import Decoder, Skipped, ahead
from precompute.photos.geometry import Geometry
from precompute.photos.index import SAMPLE, index
from precompute.photos.photo import SPLITS, Photo, PhotoIndex, hashed_split, shuffled
from precompute.photos.reading import LARGEST_RATIO, SMALLEST_SIDE, read
from precompute.photos.shards import SUFFIX as SHARD
from precompute.photos.transient import NoAnswer

__all__ = [
    "COPY_OF",
    "LARGEST_PIXELS",
    "LARGEST_RATIO",
    "SAMPLE",
    "SHARD",
    "SMALLEST_SIDE",
    "SPLITS",
    "Decoder",
    "Geometry",
    "NoAnswer",
    "Photo",
    "PhotoIndex",
    "Skipped",
    "Unusable",
    "ahead",
    "counted",
    "hashed_split",
    "index",
    "read",
    "shuffled",
    "without_copies",
]
