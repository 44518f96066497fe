"""Contact sheets of pictures, and lines of figures, for benchmarks."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

TILE, CAPTION = 160, 14
OUT = Path(".bench")


def sheet(rows: Sequence[tuple[str, Sequence[np.ndarray]]], name: str) -> Path:
    """Write rows of pictures (size, size, 3 or 4; 0…1) on white, each row under its caption; return the file."""
    columns = max(len(pictures) for _, pictures in rows)
    canvas = Image.new("RGB", (columns * TILE, len(rows) * (TILE + CAPTION)), "white")
    draw = ImageDraw.Draw(canvas)
    for row, (caption, pictures) in enumerate(rows):
        top = row * (TILE + CAPTION)
        draw.text((2, top + 1), caption.replace("×", "x").replace("→", "to"), fill="black")
        for column, picture in enumerate(pictures):
            canvas.paste(_on_white(picture), (column * TILE, top + CAPTION))
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{name}.webp"
    canvas.save(path, quality=82)
    return path


def _on_white(picture: np.ndarray) -> Image.Image:
    alpha = picture[..., 3:] if picture.shape[2] == 4 else 1.0
    pixels = np.clip(picture[..., :3] * alpha + 1 - alpha, 0, 1) * 255
    return Image.fromarray(pixels.round().astype(np.uint8)).resize((TILE, TILE), Image.Resampling.LANCZOS)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return the median, and the smallest and largest."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
