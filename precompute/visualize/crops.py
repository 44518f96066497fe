"""Random crops of pictures: drawn, cut and resized, with no loop over crops."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from precompute.visualize.presets import Preset


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """The random part of one step of one picture, in units of its side."""

    centre: Float[Tensor, "crop 2"]  # x, y
    side: Float[Tensor, " crop"]
    noise: Float[Tensor, "crop 3 crop_input crop_input"]


def draw(preset: Preset, generator: torch.Generator, *, progress: float, noise: Tensor | None = None) -> Crops:
    """Draw crops inside the picture, and their noise (into ``noise``, if there is room); ``progress`` runs from 0 to 1."""
    low, high = preset.box
    side = low + (high - low) * torch.rand(preset.crops, generator=generator)
    centre = 0.5 + preset.centre_sd * torch.randn(preset.crops, 2, generator=generator)
    half = side[:, None] / 2
    first, last = preset.noise
    if noise is None:
        noise = torch.empty(preset.crops, preset.crop_input, preset.crop_input, 3).permute(0, 3, 1, 2)
    noise.permute(0, 2, 3, 1).normal_(0.0, first + (last - first) * progress, generator=generator)
    return Crops(torch.maximum(torch.minimum(centre, 1 - half), half), side, noise)


def cut(
    pictures: Float[Tensor, "picture 3 size size"],
    centre: Float[Tensor, "picture crop 2"],
    side: Float[Tensor, "picture crop"],
    preset: Preset,
) -> Float[Tensor, "crops 3 crop_input crop_input"]:
    """Cut and resize every crop of every picture at once, bilinear, and antialiased where it shrinks.

    As ``interpolate(mode="bilinear", antialias=True)`` weighs pixels, by two products with matrices of weights: the gradient of a
    sampling adds up in no fixed order on a GPU, and samples miss the pixels between them.
    """
    n, m = pictures.shape[-1], preset.crop_input
    place = side[..., None] * ((torch.arange(m) + 0.5) / m - 0.5)  # (picture, crop, m), from the centre, in sides of the picture
    across, down = (_weights(centre[..., axis, None] + place, side, n, pictures.device) for axis in (0, 1))
    rows = pictures.transpose(1, 2).reshape(len(pictures), n, 3 * n)  # y, then channel and x
    resized = down.flatten(1, 2) @ rows  # picture, (crop, m), (channel, x): all crops of a picture in one product
    wide = resized.reshape(-1, 3 * m, n) @ across.flatten(0, 1).mT
    return wide.unflatten(1, (m, 3)).transpose(1, 2)


def _weights(
    at: Float[Tensor, "picture crop m"], side: Float[Tensor, "picture crop"], n: int, device: torch.device
) -> Float[Tensor, "picture crop m n"]:
    """Return how much each of n pixels counts at places in units of the side: a triangle as wide as a pixel of n or of the crop.

    The few pixels below a triangle are put where they belong in their row: to evaluate it at all n would take as long as the
    products. They are as many for every crop, or the order of a sum would depend on the other crops of a batch.
    """
    m = at.shape[2]
    reach = (side * n / m).clamp(min=1.0)[..., None, None]  # of a triangle to either side, in pixels of n
    middle = (at * n - 0.5)[..., None]
    below = (middle - reach).floor() + 1 + torch.arange(2 * math.ceil(max(n / m, 1.0)))
    weight = (1 - (below - middle).abs() / reach).clamp(min=0) * ((below >= 0) & (below < n))
    weight /= weight.sum(dim=3, keepdim=True)
    row = torch.zeros(*at.shape, n, device=device)
    return row.scatter_add_(3, below.long().clamp(0, n - 1).to(device), weight.to(device))
