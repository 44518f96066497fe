"""How often the objective looked at a pixel → how opaque the pixel is."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def opacity(seen: Float[Tensor, "picture size size"]) -> Float[Tensor, "picture size size"]:
    """Blur what was seen (specks), clip at the 95th percentile, divide by it."""
    size = seen.shape[-1]
    radius = max(1, size // 28)
    blurred = seen[:, None]
    for _ in range(2):
        blurred = F.avg_pool2d(F.pad(blurred, [radius] * 4, mode="replicate"), 2 * radius + 1, stride=1)
    top = blurred.flatten(1).quantile(0.95, dim=1)[:, None, None, None].clamp(min=1e-12)
    return (blurred / top).clamp(max=1)[:, 0]
