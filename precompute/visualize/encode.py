"""Arrays → WebP bytes: feature visualizations with transparency, strips of exemplars and heat maps, grids of thumbnails."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

THUMBNAIL_SIDE = 96
THUMBNAIL_COLUMNS = 20
EXEMPLAR_SIDE = 128
HEAT_SIDE = 64
_HEAT_RGB = (255, 138, 0)
_OPACITY_LEVELS, _HEAT_LEVELS = 64, 32


def encode_rgba(picture: Float[np.ndarray, "height width 4"], *, quality: int = 75) -> bytes:
    """Encode a picture with values in 0…1, its fourth channel the opacity."""
    picture = np.clip(picture, 0, 1)
    opacity = _levels(picture[..., 3:], _OPACITY_LEVELS)
    pixels = (np.concatenate([picture[..., :3], opacity], axis=-1) * 255).round().astype(np.uint8)
    return _webp(Image.fromarray(pixels, "RGBA"), quality=quality, exact=True)


def strip(crops: Sequence[Image.Image]) -> bytes:
    """Encode exemplars side by side, each a square of EXEMPLAR_SIDE pixels."""
    sheet = Image.new("RGB", (EXEMPLAR_SIDE * len(crops), EXEMPLAR_SIDE))
    for i, crop in enumerate(crops):
        sheet.paste(crop.resize((EXEMPLAR_SIDE, EXEMPLAR_SIDE), Image.Resampling.LANCZOS), (i * EXEMPLAR_SIDE, 0))
    return _webp(sheet, quality=78)


def heat_strip(heat: Float[np.ndarray, "crop height width"]) -> bytes:
    """Encode heat maps side by side, HEAT_SIDE pixels each: one colour, its opacity the code (scaled to its maximum)."""
    top = heat.max(initial=0.0)
    scaled = heat / top if top > 0 else heat
    tiles = [_enlarge(tile) for tile in scaled]
    opacity = np.concatenate(tiles, axis=1) if tiles else np.zeros((HEAT_SIDE, 0))
    rgba = np.empty((*opacity.shape, 4), np.uint8)
    rgba[..., :3] = _HEAT_RGB
    rgba[..., 3] = _levels(np.clip(opacity, 0, 1), _HEAT_LEVELS) * 220
    return _webp(Image.fromarray(rgba, "RGBA"), quality=70, exact=True)


def _levels(values: np.ndarray, count: int) -> np.ndarray:
    """Round values in 0…1 to so many levels: a channel that is kept without loss takes less room, and no eye sees the steps."""
    return (values * (count - 1)).round() / (count - 1)


def _enlarge(tile: Float[np.ndarray, "height width"]) -> np.ndarray:
    small = Image.fromarray(tile.astype(np.float32), "F")
    return np.asarray(small.resize((HEAT_SIDE, HEAT_SIDE), Image.Resampling.BICUBIC))


def thumbnail(pixels: UInt8[np.ndarray, "size size 3"]) -> Image.Image:
    """Return the small version of a photo shown beside the pointer."""
    return Image.fromarray(pixels).resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)


def thumbnail_grid(thumbnails: Sequence[Image.Image]) -> bytes:
    """Encode thumbnails in rows of THUMBNAIL_COLUMNS, in the order of the photos."""
    rows = -(-len(thumbnails) // THUMBNAIL_COLUMNS)
    columns = min(len(thumbnails), THUMBNAIL_COLUMNS)
    sheet = Image.new("RGB", (columns * THUMBNAIL_SIDE, rows * THUMBNAIL_SIDE))
    for i, small in enumerate(thumbnails):
        row, column = divmod(i, THUMBNAIL_COLUMNS)
        sheet.paste(small, (column * THUMBNAIL_SIDE, row * THUMBNAIL_SIDE))
    return _webp(sheet, quality=70)


def _webp(image: Image.Image, *, quality: int, exact: bool = False) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=5, exact=exact)  # 6 takes 30 times as long
    return buffer.getvalue()
