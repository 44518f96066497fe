"""Cut a classifier in two at a named layer: features | head."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from atlas.schema import AtlasError
from precompute.network.relu6 import InPlaceReLU6
from precompute.network.tracing import TracerWithExample

_BATCHES = (2, 3)  # what an expression is in both says how it depends on the number of images


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A network as a graph, with what each of its nodes gave for batches of two and of three images."""

    model: nn.Module
    graph: fx.Graph
    names: dict[fx.Node, str]
    given: tuple[dict[fx.Node, Any], ...]  # tensors as tensors without content

    def cut(self, layer: str) -> tuple[fx.GraphModule, fx.GraphModule]:
        """Split the network at the output of ``layer``.

        Returns:
            (features, head) such that ``head(features(x))`` is ``model(x)``, for inputs of the example's size.

        Raises:
            AtlasError: no such layer, or one that a connection bypasses.
        """
        inside = [node for node in self.graph.nodes if node in self.names and f"{self.names[node]}.".startswith(f"{layer}.")]
        if not inside:
            near = [name for name, _ in self.model.named_children()]
            raise AtlasError(f"The backbone has no layer {layer!r}. Its parts are {', '.join(near)}; name one, or a part of one.")
        return self._before(inside[-1]), self._after(inside[-1], layer)

    def blocks(self) -> Iterator[tuple[str, Any]]:
        """Yield the members of lists of modules (``blocks.5``) of the second half, the last first, each with what it gives."""
        modules, ends, nodes = dict(self.model.named_modules()), dict[str, int](), list(self.graph.nodes)
        for position, node in enumerate(nodes):
            parts = self.names.get(node, "").split(".")
            for depth, part in enumerate(parts, start=1):
                if part.isdecimal() and ".".join(parts[:depth]) in modules:
                    ends[".".join(parts[:depth])] = position
        for name, position in sorted(ends.items(), key=lambda end: -end[1]):
            if position >= len(nodes) / 2:
                yield name, self.given[0].get(nodes[position])

    def _before(self, last: fx.Node) -> fx.GraphModule:
        copy = fx.Graph()
        copied: dict[fx.Node, fx.Node] = {}
        for node in self.graph.nodes:
            copied[node] = copy.node_copy(node, copied.__getitem__)
            if node is last:
                break
        copy.output(copied[last])
        return _without_leftovers(self.model, copy)

    def _after(self, last: fx.Node, layer: str) -> fx.GraphModule:
        copy = fx.Graph()
        activations = copy.placeholder("activations")
        images = copy.call_method("size", (activations, 0))
        nodes = list(self.graph.nodes)
        copied: dict[fx.Node, Any] = {}
        for node in nodes[: nodes.index(last)]:  # of what comes before: numbers, and tensors in which no pixel is
            two, three = (given.get(node) for given in self.given)
            if not _has_tensor(two):
                copied[node] = _counted(copy, images, two, three)
            elif node.op != "placeholder" and all(name in copied for name in node.all_input_nodes):
                copied[node] = copy.node_copy(node, copied.__getitem__)
        copied[last] = activations
        try:
            for node in nodes[nodes.index(last) + 1 :]:
                copied[node] = copy.node_copy(node, copied.__getitem__)
        except KeyError:
            raise AtlasError(
                f"A connection bypasses the layer {layer!r}: cut where a whole block ends, or use --layer auto."
            ) from None
        return _without_leftovers(self.model, copy)


def trace(model: nn.Module, example: Tensor) -> Traced:
    """Trace a network and watch it run on the first of the example images.

    Raises:
        AtlasError: a network that cannot be traced.
    """
    tracer = TracerWithExample(example[:1].expand(_BATCHES[0], -1, -1, -1), _leaves())
    try:
        graph = tracer.trace(model, concrete_args=_defaults(model))
        given = tuple(_given(model, graph, example[:1].expand(images, -1, -1, -1)) for images in _BATCHES)
    except Exception as error:  # whatever a network's code raises when it is given a proxy
        reason = " ".join(str(error).split())[:160]
        raise AtlasError(f"This backbone cannot be cut at a named layer ({reason}): use --layer auto.") from error
    return Traced(model, graph, tracer.names, given)


def split_at(model: nn.Module, layer: str, example: Tensor) -> tuple[nn.Module, nn.Module]:
    """Split a network at the output of ``layer`` (a timm module name such as ``blocks.5``): see ``Traced.cut``."""
    return trace(model, example).cut(layer)


def _defaults(model: nn.Module) -> dict[str, Any]:
    """Return the optional arguments of ``forward`` (masks and the like), which stay at their defaults."""
    parameters = inspect.signature(model.forward).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def _leaves() -> list[type[nn.Module]]:
    from timm.models._features_fx import get_notrace_modules

    return [*get_notrace_modules(), InPlaceReLU6]


def _given(model: nn.Module, graph: fx.Graph, images: Tensor) -> dict[fx.Node, Any]:
    found: dict[fx.Node, Any] = {}

    class Watched(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            result = super().run_node(n)
            found[n] = fx.node.map_aggregate(result, lambda value: value.to("meta") if isinstance(value, Tensor) else value)
            return result

    with torch.no_grad():
        Watched(fx.GraphModule(model, graph)).run(images)
    return found


def _has_tensor(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_has_tensor, value))
    return isinstance(value, Tensor)


def _counted(copy: fx.Graph, images: fx.Node, two: Any, three: Any) -> Any:
    """Return what is a value for two images, and another for three, as an expression of the number of images."""
    if isinstance(two, (tuple, list)):
        return tuple(_counted(copy, images, *pair) for pair in zip(two, three, strict=True))
    if two == three or not isinstance(two, int):
        return two
    return copy.call_function(operator.mul, (images, two // _BATCHES[0]))


def _without_leftovers(model: nn.Module, graph: fx.Graph) -> fx.GraphModule:
    module = fx.GraphModule(model, graph)
    module.graph.eliminate_dead_code()
    module.recompile()
    return module
