"""The class picture as small as a list of classes needs it: thirty of them lie above the fold of the front page."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image

from atlas.photos import CHECK, shown

SIDE = 128
NAME = "class-small.webp"


def small(portrait: Path) -> bytes:
    """Return a class picture with at most ``SIDE`` pixels a side, its transparency kept."""
    with shown(portrait, str(portrait), CHECK) as image:
        image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        stream = BytesIO()
        image.save(stream, "WEBP", quality=50, alpha_quality=30, method=4)
    return stream.getvalue()
