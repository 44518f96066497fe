"""What a layer gives, in the network's own shape ↔ activations at the positions of an image grid, row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

_MOST_PREFIX = 8  # tokens before the patches: class, distillation, registers

Positions = Float[Tensor, "image position channel"]
Prefix = Float[Tensor, "image prefix channel"]


@dataclass(frozen=True, slots=True)
class Layout:
    """The order of a layer's axes, and how many tokens come before the patches."""

    axes: str  # NCHW and NHWC: maps; NLC: tokens
    prefix: int = 0

    def grid(self, raw: Tensor) -> tuple[int, int]:
        """Return rows and columns of the image grid."""
        if self.axes == "NLC":
            side = math.isqrt(raw.shape[1] - self.prefix)
            return side, side
        rows, columns = raw.shape[2:] if self.axes == "NCHW" else raw.shape[1:3]
        return rows, columns

    def split(self, raw: Tensor) -> tuple[Positions, Prefix]:
        """Return the activations at the positions, and the tokens before them."""
        if self.axes == "NLC":
            return raw[:, self.prefix :], raw[:, : self.prefix]
        positions = raw.flatten(2).transpose(1, 2) if self.axes == "NCHW" else raw.flatten(1, 2)
        return positions, positions[:, :0]

    def joined(self, positions: Positions, prefix: Prefix | None, grid: tuple[int, int]) -> Tensor:
        """Return the network's own shape again."""
        if self.axes == "NLC":
            return positions if prefix is None else torch.cat([prefix, positions], dim=1)
        if self.axes == "NHWC":
            return positions.unflatten(1, grid)
        return positions.transpose(1, 2).unflatten(2, grid)


def layout_of(raw: Any, model: nn.Module) -> Layout | None:
    """Return how a layer's output for square images lies, or ``None`` if that is no image grid.

    A map of a square image is square, so its two equal axes are rows and columns; where all three are equal, the network's
    ``output_fmt`` decides. Tokens are a square number of patches, after as many others as the network states, or as there are.
    """
    if not isinstance(raw, Tensor):
        return None
    if raw.ndim == 4:
        first, last = raw.shape[2] == raw.shape[3], raw.shape[1] == raw.shape[2]
        if first and last:
            last = "NHWC" in str(getattr(model, "output_fmt", ""))
        if not (first or last) or raw.shape[2] < 2:
            return None
        return Layout("NHWC" if last else "NCHW")
    if raw.ndim == 3:
        stated = int(getattr(model, "num_prefix_tokens", 0))
        for prefix in (stated, *range(_MOST_PREFIX + 1)):
            positions = raw.shape[1] - prefix
            if positions > 1 and math.isqrt(positions) ** 2 == positions:
                return Layout("NLC", prefix)
    return None
