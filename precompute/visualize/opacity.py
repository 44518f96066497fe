"""How often the objective looked at a pixel → how opaque the pixel is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_SPECK = 1 / 28  # radius of the blur, in sides of the picture
_FLOOR, _TOP = 0.10, 0.95  # quantiles that become invisible and opaque
_EDGE = 1 / 10  # over which a picture fades out at its border, in sides: no crop is centred there


def opacity(seen: Float[Tensor, "picture size size"]) -> Float[Tensor, "picture size size"]:
    """Turn accumulated gradients into opacities in 0…1, each picture by itself.

    Blurred twice, so that no speck remains; stretched between two quantiles, so that what was hardly looked at vanishes; faded at
    the border, so that neither the corners, where no crop falls, nor the frame of the crops can be seen.
    """
    size = seen.shape[-1]
    radius = max(1, round(size * _SPECK))
    blurred = seen[:, None]
    for _ in range(2):
        blurred = F.avg_pool2d(F.pad(blurred, [radius] * 4, mode="replicate"), 2 * radius + 1, stride=1)
    flat = blurred[:, 0].flatten(1)
    floor, top = (flat.quantile(q, dim=1)[:, None, None] for q in (_FLOOR, _TOP))
    stretched = ((blurred[:, 0] - floor) / (top - floor).clamp(min=1e-12)).clamp(0, 1)
    faded = stretched * _fade(size).to(seen.device)
    return faded / faded.flatten(1).amax(dim=1).clamp(min=1e-12)[:, None, None]


def _fade(size: int) -> Float[Tensor, "size size"]:
    """Return 0 at the border, 1 from ``_EDGE`` inwards, smooth in between."""
    from_edge = (torch.arange(size) + 0.5).minimum(torch.arange(size).flip(0) + 0.5) / (size * _EDGE)
    ramp = from_edge.clamp(max=1)
    smooth = ramp**2 * (3 - 2 * ramp)
    return smooth[:, None] * smooth[None, :]
