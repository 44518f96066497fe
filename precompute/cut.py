"""Cut a classifier in two at a named layer: features | head."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import fx, nn
from torchvision.models.feature_extraction import NodePathTracer

from atlas.schema import AtlasError
from precompute.clipping import ClipInPlace


def cut_at(model: nn.Module, layer: str) -> tuple[nn.Module, nn.Module]:
    """Split a network at the output of ``layer`` (a timm module name such as ``blocks.5``).

    Returns:
        (features, head) such that ``head(features(x))`` is ``model(x)``.

    Raises:
        AtlasError: no such layer, a network that cannot be traced, or a layer that a skip connection bypasses.
    """
    tracer = NodePathTracer(leaf_modules=_leaves())
    try:
        graph = tracer.trace(model, concrete_args=_defaults(model))
    except (torch.fx.proxy.TraceError, TypeError, RuntimeError) as error:
        raise AtlasError(f"This backbone cannot be cut at {layer!r} ({error}): name another layer.") from error
    names: dict[fx.Node, str] = tracer.node_to_qualname
    inside = [n for n in graph.nodes if n in names and f"{names[n]}.".startswith(f"{layer}.")]
    if not inside:
        near = [name for name, _ in model.named_children()]
        raise AtlasError(f"The backbone has no layer {layer!r}. Its parts are {', '.join(near)}; name one, or a part of one.")
    return _before(model, graph, inside[-1]), _after(model, graph, inside[-1], layer)


def _defaults(model: nn.Module) -> dict[str, Any]:
    """Return the optional arguments of ``forward`` (masks and the like), which stay at their defaults."""
    parameters = inspect.signature(model.forward).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _leaves() -> list[type[nn.Module]]:
    from timm.models._features_fx import get_notrace_modules

    return [*get_notrace_modules(), ClipInPlace]


def _before(model: nn.Module, graph: fx.Graph, last: fx.Node) -> fx.GraphModule:
    copy = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        copied[node] = copy.node_copy(node, copied.__getitem__)
        if node is last:
            break
    copy.output(copied[last])
    return _without_leftovers(model, copy)


def _without_leftovers(model: nn.Module, graph: fx.Graph) -> fx.GraphModule:
    module = fx.GraphModule(model, graph)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module


def _after(model: nn.Module, graph: fx.Graph, last: fx.Node, layer: str) -> fx.GraphModule:
    copy = fx.Graph()
    copied = {last: copy.placeholder("activations")}
    nodes = list(graph.nodes)
    try:
        for node in nodes[: nodes.index(last)]:
            if node.op == "get_attr":  # parameters used directly may be named long before they are needed
                copied[node] = copy.node_copy(node, copied.__getitem__)
        for node in nodes[nodes.index(last) + 1 :]:
            copied[node] = copy.node_copy(node, copied.__getitem__)
    except KeyError:
        raise AtlasError(
            f"A connection bypasses the layer {layer!r}: cut where a whole block ends, or use --layer auto."
        ) from None
    return _without_leftovers(model, copy)
