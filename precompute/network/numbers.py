"""Does a network compute numbers? Finite weights may give NaN, infinity, or values whose squares are infinite."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from atlas.schema import AtlasError


def are_numbers(raw: Any) -> bool:
    """Return whether all values of a tensor, or of several, are numbers that can be squared."""
    if isinstance(raw, Tensor):
        return bool((raw * raw).isfinite().all())
    return all(map(are_numbers, raw)) if isinstance(raw, (tuple, list)) else True


def no_numbers(model: nn.Module, images: Tensor) -> AtlasError:
    """Return the refusal of a network that gives no numbers for images (image, 3, height, width): it names the first layer."""
    return AtlasError(
        f"The network gives no numbers at layer {_first(model, images)!r} (NaN, infinite, or too large to be squared): its "
        "weights are damaged. Take others."
    )


def _first(model: nn.Module, images: Tensor) -> str:
    """Return the first innermost module that gives no numbers; the network as a whole is called "output"."""
    found: list[str] = []

    def note(name: str, output: Any) -> None:
        if not are_numbers(output):
            found.append(name)

    leaves = [(name, module) for name, module in model.named_modules() if not any(module.children())]
    hooks = [module.register_forward_hook(lambda _m, _i, output, name=name: note(name, output)) for name, module in leaves]
    try:
        with torch.no_grad():
            model(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else "output"
