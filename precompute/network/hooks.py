"""Hear what layers inside a network say while it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from atlas.schema import AtlasError


@contextmanager
def capture_outputs(model: nn.Module, layers: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Fill a dict with the outputs of the named modules (such as ``blocks.4``) whenever the network runs inside.

    A module that the network passes by stays missing.

    Raises:
        AtlasError: no such module.
    """
    outputs: dict[str, Any] = {}
    hooks = [
        _module(model, name).register_forward_hook(lambda _module, _inputs, output, name=name: outputs.update({name: output}))
        for name in layers
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def _module(model: nn.Module, name: str) -> nn.Module:
    try:
        return model.get_submodule(name)
    except AttributeError:
        parts = ", ".join(child for child, _ in model.named_children())
        raise AtlasError(f"The backbone has no layer {name!r}. Its parts are {parts}; name one, or a part of one.") from None
