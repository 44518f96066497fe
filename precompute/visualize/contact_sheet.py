"""Several pictures in one image with their names, and the making of one as an animation."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

_MARGIN, _CAPTION = 8, 34
_PAPER, _INK, _FAINT = (255, 255, 255), (23, 23, 23), (96, 96, 96)
_FRAME_MS, _LAST_MS = 80, 2000


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One picture of a sheet and the two lines under it."""

    picture: Float[np.ndarray, "height width channel"]  # 0…1; a fourth channel is its opacity
    title: str
    note: str = ""


def to_image(picture: Float[np.ndarray, "height width channel"]) -> Image.Image:
    """Return an 8-bit image of a picture with values in 0…1."""
    return Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))


def contact_sheet(rows: Sequence[Sequence[Tile]], side: int = 224) -> Image.Image:
    """Lay tiles out in rows on white paper, each ``side`` pixels wide, its title and note below."""
    columns = max(len(row) for row in rows)
    pitch = (side + _MARGIN, side + _CAPTION + _MARGIN)
    sheet = Image.new("RGB", (columns * pitch[0] + _MARGIN, len(rows) * pitch[1] + _MARGIN), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            at = (_MARGIN + x * pitch[0], _MARGIN + y * pitch[1])
            image = to_image(tile.picture).resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(image, at, image if image.mode == "RGBA" else None)
            for line, (text, size, ink) in enumerate(((tile.title, 14, _INK), (tile.note, 12, _FAINT))):
                font = ImageFont.load_default(size)
                draw.text((at[0], at[1] + side + 2 + 16 * line), _fitting(text, font, side), fill=ink, font=font)
    return sheet


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Shorten a text to a width in pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text.rstrip()}..."


def animation(frames: Sequence[Float[np.ndarray, "height width channel"]]) -> bytes:
    """Encode frames as an endless WebP animation that rests on the last."""
    images = [to_image(frame) for frame in frames]
    buffer = io.BytesIO()
    durations = [_FRAME_MS] * (len(images) - 1) + [_LAST_MS]
    images[0].save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        quality=80,
        method=4,
        minimize_size=False,
    )
    return buffer.getvalue()
