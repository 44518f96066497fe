"""The picture that stands for a class where its address is shared."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from atlas.photos import CHECK, shown
from atlas.site import theme

WIDTH, HEIGHT = 800, 420
_SIDE = 340


def card(name: str, facts: str, atlas: str, portrait: Path | None) -> bytes:
    """Return a JPEG: the class picture, the name, what was measured."""
    tokens = theme.TOKENS["light"]
    picture = Image.new("RGB", (WIDTH, HEIGHT), tokens["paper"])
    draw = ImageDraw.Draw(picture)
    left = 40
    if portrait is not None:
        _place(picture, portrait)
        left += _SIDE + 34
    y = _written(draw, name, (left, 96), 42, tokens["ink"])
    _written(draw, facts, (left, y + 18), 21, tokens["muted"])
    draw.text((left, HEIGHT - 74), f"Concept Atlas · {atlas}", tokens["accent"], ImageFont.load_default(19))
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=64, optimize=True, progressive=True)
    return stream.getvalue()


def _place(picture: Image.Image, portrait: Path) -> None:
    with shown(portrait, str(portrait), CHECK) as image:
        small = image.convert("RGBA").resize((_SIDE, _SIDE))
    panel = Image.new("RGBA", (_SIDE, _SIDE), theme.TOKENS["light"]["panel"])
    picture.paste(Image.alpha_composite(panel, small).convert("RGB"), (40, 40))


def _written(draw: ImageDraw.ImageDraw, text: str, at: tuple[int, int], size: int, colour: str) -> int:
    """Write a text over several lines; return where the next begins."""
    font = ImageFont.load_default(size)
    x, y = at
    line = ""
    for word in [*text.split(" "), None]:
        longer = f"{line} {word}".strip()
        if word is not None and (not line or font.getlength(longer) <= WIDTH - x - 34):
            line = longer
            continue
        draw.text((x, y), line, colour, font)
        y, line = y + round(size * 1.25), word or ""
    return y
