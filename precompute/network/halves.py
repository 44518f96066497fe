"""The two halves of a classifier, checked: the head reads the patches of an image grid and gives the network's own logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from atlas.schema import AtlasError
from precompute.network.layout import Layout, layout_of
from precompute.network.numbers import are_numbers, no_numbers
from precompute.network.split import trace

AUTO = "auto"
_TOLERANCE = 1e-3  # of the largest logit


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """A network cut in two at ``layer``: the raw output of ``features`` lies as ``layout`` says."""

    layer: str
    features: Callable[[Tensor], Tensor]
    head: Callable[[Tensor], Tensor]
    layout: Layout
    grid: tuple[int, int]
    channels: int


class _Unfit(AtlasError):
    """A cut that cannot be explained; the message completes "After this layer …"."""


def halves_of(model: nn.Module, layer: str, example: Tensor) -> Halves:
    """Cut a network at ``layer``; for ``auto`` where its features end, or at the last block from which the head reads patches.

    Args:
        model: on the device of ``example``, in eval mode.
        layer: ``auto``, or the name of a module.
        example: (image, 3, height, width) normalised.

    Raises:
        AtlasError: a layer that gives no numbers or no image grid, or that the head reads no patches from; no such layer.
    """
    if layer == AUTO:
        return _automatic(model, example)
    try:
        return _checked(model, layer, *trace(model, example).cut(layer), example)
    except _Unfit as fault:
        raise AtlasError(f"The layer {layer!r} cannot be explained: {fault}. Name another layer, or use --layer auto.") from None


def _automatic(model: Any, example: Tensor) -> Halves:
    try:
        return _checked(model, AUTO, model.forward_features, model.forward_head, example)
    except _Unfit as error:
        fault = error
    for name, features, head in _blocks(model, example):
        try:
            return _checked(model, name, features, head, example)
        except _Unfit:
            continue
    raise AtlasError(f"This network cannot be explained: {fault}, and no earlier block can be cut at. Take another.") from None


def _blocks(model: nn.Module, example: Tensor) -> Iterator[tuple[str, nn.Module, nn.Module]]:
    """Yield the cuts at blocks that give an image grid and that no connection bypasses, the last first."""
    try:
        traced = trace(model, example)
    except AtlasError:
        return
    for name, raw in traced.blocks():
        if layout_of(raw, model) is None:
            continue
        try:
            features, head = traced.cut(name)
        except AtlasError:
            continue
        yield name, features, head


def _checked(
    model: nn.Module, layer: str, features: Callable[[Tensor], Any], head: Callable[[Tensor], Any], example: Tensor
) -> Halves:
    with torch.no_grad():
        raw, expected = features(example), logits_of(model(example))
    if not are_numbers((raw, expected)):
        raise no_numbers(model, example)
    layout = layout_of(raw, model)
    if layout is None:
        raise _Unfit(f"its features end in {_described(raw)}, which is no image grid")
    grid, (positions, prefix) = layout.grid(raw), layout.split(raw)
    stated = getattr(model, "num_features", None)
    if layer == AUTO and stated is not None and positions.shape[2] != stated:
        raise _Unfit(f"its features have {positions.shape[2]} channels where it states {stated}")
    patches = positions.clone().requires_grad_()
    logits = logits_of(head(layout.joined(patches * 1, prefix.clone(), grid)))
    if logits.shape != expected.shape or (logits - expected).abs().max() > _TOLERANCE * expected.abs().max():
        raise _Unfit("its two halves do not give its own logits")
    weights = torch.randn(logits.shape, generator=torch.Generator().manual_seed(2)).to(logits.device)
    (gradient,) = torch.autograd.grad((logits * weights).sum(), patches, allow_unused=True) if logits.requires_grad else (None,)
    if gradient is None or not gradient.any():
        raise _Unfit("its head does not read the patches")
    return Halves(layer, features, head, layout, grid, positions.shape[2])


def logits_of(output: Any) -> Tensor:
    """Return the logits of a network that may give more beside them."""
    return output if isinstance(output, Tensor) else output[0]


def _described(raw: Any) -> str:
    if isinstance(raw, Tensor):
        return f"a tensor of {'×'.join(map(str, raw.shape[1:]))}"
    return f"a {type(raw).__name__} of {len(raw)}" if isinstance(raw, (tuple, list, dict)) else f"a {type(raw).__name__}"
