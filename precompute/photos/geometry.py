"""Where the network's input lies in a photo."""

from __future__ import annotations

from dataclasses import dataclass, replace

Pair = tuple[float, float]  # across, down


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the network's square input lies in a photo: input pixel · scale + start = photo pixel, on either axis."""

    size: tuple[int, int]  # of the photo: width, height
    scale: Pair = (1.0, 1.0)  # pixels of the photo in one of the input; they differ where a photo is squashed
    start: Pair = (0.0, 0.0)  # the input's corner in the photo; negative where the input has a border

    def resized(self, before: tuple[int, int], after: tuple[int, int]) -> Geometry:
        """Return the geometry once the input is resized from one size (width, height) to another."""
        across, down = (scale * old / new for scale, old, new in zip(self.scale, before, after, strict=True))
        return replace(self, scale=(across, down))

    def moved(self, by: tuple[int, int]) -> Geometry:
        """Return the geometry once the input's corner is moved by input pixels: inwards by a cut, outwards by a border."""
        across, down = (first + scale * step for first, scale, step in zip(self.start, self.scale, by, strict=True))
        return replace(self, start=(across, down))

    def box(self, x: int, y: int, side: int) -> tuple[int, int, int, int]:
        """Return the box of the photo (x, y, width, height) below a square of the input: the part inside the photo.

        Where all of the square is border, the nearest pixels stand for it.
        """
        left, width = _inside(self.start[0] + x * self.scale[0], side * self.scale[0], self.size[0])
        top, height = _inside(self.start[1] + y * self.scale[1], side * self.scale[1], self.size[1])
        return left, top, width, height


def _inside(first: float, extent: float, whole: int) -> tuple[int, int]:
    """Return the part of an interval inside 0…whole, of at least one pixel, as its first pixel and its extent."""
    start = min(max(round(first), 0), whole - 1)
    return start, max(min(round(first) + round(extent), whole) - start, 1)
