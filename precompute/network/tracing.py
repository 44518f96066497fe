"""Trace a network while it runs: code that asks for a shape, or for the number of its blocks, is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn


class _Answered(fx.Proxy):
    """A stand-in for a value that is also known for the example."""

    tracer: TracerWithExample

    def __len__(self) -> int:
        return len(self.tracer.values[self.node])

    def __index__(self) -> int:
        return int(self.tracer.values[self.node])

    def __int__(self) -> int:
        return int(self.tracer.values[self.node])


class TracerWithExample(fx.Tracer):
    """Records a network's graph, and the value of every node for an example (image, 3, height, width) beside it.

    The graph holds for inputs of the example's size.
    """

    def __init__(self, example: Tensor, leaf_modules: list[type[nn.Module]]) -> None:
        super().__init__()
        self.values: dict[fx.Node, Any] = {}
        self.names: dict[fx.Node, str] = {}  # with the path of the module that a node lies in
        self._example, self._leaves = example, tuple(leaf_modules)
        self._running = False

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """Return what stands for a node."""
        return _Answered(node, self)

    def create_proxy(self, *args: Any, **kwargs: Any) -> fx.Proxy:
        """Record a node and run it."""
        proxy = super().create_proxy(*args, **kwargs)
        node = proxy.node
        self.names[node] = str(node.target) if node.op == "call_module" else f"{self.scope.module_path}.{node.name}".lstrip(".")
        self._running = True
        try:
            with torch.no_grad():
                self._known(node)
        finally:
            self._running = False
        return proxy

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether a module is one node of the graph."""
        return isinstance(m, self._leaves) or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        """Follow the network into a module, or only run it."""
        return forward(*args, **kwargs) if self._running else super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Return a parameter, or what stands for it."""
        return attr_val if self._running else super().getattr(attr, attr_val, parameter_proxy_cache)

    def to_bool(self, obj: fx.Proxy) -> bool:
        """Answer a condition."""
        return bool(self.values[obj.node])

    def iter(self, obj: Any) -> Iterator[Any]:
        """Take a sequence apart."""
        return iter([obj[i] for i in range(len(self.values[obj.node]))])

    def _known(self, node: fx.Node) -> Any:
        if node not in self.values:
            self.values[node] = self._value(node)
        return self.values[node]

    def _value(self, node: fx.Node) -> Any:
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), self._known)
        match node.op:
            case "placeholder":
                return args[0] if args else self._example
            case "get_attr":
                value: Any = self.root
                for part in str(node.target).split("."):
                    value = getattr(value, part)
                return value
            case "call_module":
                return self.root.get_submodule(str(node.target)).forward(*args, **kwargs)
            case "call_method":
                return getattr(args[0], str(node.target))(*args[1:], **kwargs)
            case "call_function":
                return node.target(*args, **kwargs)  # type: ignore[operator]
        return args[0]  # the output
