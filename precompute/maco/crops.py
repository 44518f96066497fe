"""Random crops of pictures: drawn, cut and resized with two matrix products, no loop over crops."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from precompute.maco.preset import Preset


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """The random part of one step of one picture, in units of its side."""

    centre: Float[Tensor, "crop 2"]  # x, y
    side: Float[Tensor, " crop"]
    noise: Float[Tensor, "crop 3 crop_input crop_input"]


def draw(preset: Preset, generator: torch.Generator, *, progress: float) -> Crops:
    """Draw crops inside the picture, and their noise; ``progress`` runs from 0 to 1."""
    low, high = preset.box
    side = low + (high - low) * torch.rand(preset.crops, generator=generator)
    centre = 0.5 + preset.centre_sd * torch.randn(preset.crops, 2, generator=generator)
    half = side[:, None] / 2
    first, last = preset.noise
    sd = first + (last - first) * progress
    noise = sd * torch.randn(preset.crops, 3, preset.crop_input, preset.crop_input, generator=generator)
    return Crops(torch.maximum(torch.minimum(centre, 1 - half), half), side, noise)


def cut(
    pictures: Float[Tensor, "picture 3 size size"],
    centre: Float[Tensor, "picture crop 2"],
    side: Float[Tensor, "picture crop"],
    preset: Preset,
) -> Float[Tensor, "crops 3 crop_input crop_input"]:
    """Cut and resize every crop of every picture with two matrix products, antialiased, differentiable, deterministic."""
    across = _resampling(centre[..., 0], side, preset).to(pictures.device)
    down = _resampling(centre[..., 1], side, preset).to(pictures.device)
    n, m = preset.size, preset.crop_input
    rows = pictures.transpose(1, 2).reshape(len(pictures), 1, n, 3 * n)  # y, then channel and x
    resized = (down @ rows).unflatten(-1, (3, n))  # picture, crop, m, channel, x
    return (resized.reshape(*resized.shape[:2], 3 * m, n) @ across.mT).unflatten(2, (m, 3)).transpose(2, 3).flatten(0, 1)


def _resampling(centre: Float[Tensor, "picture crop"], side: Float[Tensor, "picture crop"], preset: Preset) -> Tensor:
    """Return (picture, crop, crop_input, size) weights of a triangle filter as wide as the crop is reduced."""
    n, m = preset.size, preset.crop_input
    step = side * n / m  # picture pixels a crop pixel
    start = (centre - side / 2) * n
    at = start[..., None] + (torch.arange(m) + 0.5) * step[..., None] - 0.5
    width = step.clamp(min=1.0)[..., None, None]
    weights = (1 - (torch.arange(n) - at[..., None]).abs() / width).clamp(min=0)
    return weights / weights.sum(dim=-1, keepdim=True)
