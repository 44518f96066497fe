"""Random crops of pictures: drawn, cut and resized, with no loop over crops."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from precompute.maco.preset import Preset


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
    """Cut and resize every crop of every picture at once, by bilinear interpolation; differentiable, deterministic.

    A GPU multiplies by matrices of weights: there the gradient of a sampling adds up in no fixed order. A CPU samples, which it
    does in half the time.
    """
    m = preset.crop_input
    pixel = (torch.arange(m) + 0.5) / m - 0.5  # of a crop, in units of its side
    x, y = (centre[..., axis, None] + side[..., None] * pixel for axis in (0, 1))  # (picture, crop, m), in sides
    x, y = x.to(pictures.device), y.to(pictures.device)
    return _multiplied(pictures, x, y) if pictures.is_cuda else _sampled(pictures, x, y)


def _sampled(pictures: Tensor, x: Tensor, y: Tensor) -> Tensor:
    crops, m = x.shape[1:]
    shape = (*x.shape, m)
    grid = torch.stack([x[:, :, None, :].expand(shape), y[:, :, :, None].expand(shape)], dim=-1) * 2 - 1
    found = F.grid_sample(pictures, grid.flatten(1, 2), padding_mode="border", align_corners=False)
    return found.unflatten(2, (crops, m)).transpose(1, 2).flatten(0, 1)


def _multiplied(pictures: Tensor, x: Tensor, y: Tensor) -> Tensor:
    n, (crops, m) = pictures.shape[-1], x.shape[1:]
    across, down = _weights(x, n), _weights(y, n)
    rows = pictures.transpose(1, 2).reshape(len(pictures), n, 3 * n)  # y, then channel and x
    resized = down.flatten(1, 2) @ rows  # picture, (crop, m), (channel, x): all crops of a picture in one product
    wide = resized.reshape(len(pictures) * crops, 3 * m, n) @ across.flatten(0, 1).mT
    return wide.unflatten(1, (m, 3)).transpose(1, 2)


def _weights(at: Float[Tensor, "picture crop m"], n: int) -> Float[Tensor, "picture crop m n"]:
    """Return how much each of n pixels counts at places in units of the side."""
    pixel = (at * n - 0.5).clamp(0, n - 1)[..., None]
    return (1 - (torch.arange(n, device=at.device) - pixel).abs()).clamp(min=0)
