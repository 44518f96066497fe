"""A timm classifier cut in two: features(x) → A, head(A) → logits.

Notation: x (image, 3, height, width) normalised pixels; A (image, position, channel) activations; logits (image, class).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from atlas.schema import AtlasError
from precompute.clipping import clip_without_copies
from precompute.cut import cut_at
from precompute.folding import fold_batch_norm
from precompute.listening import listening
from precompute.preprocessing import preprocessing_of
from precompute.weights import with_weights

DEFAULT = "tf_efficientnet_lite0"
N_CLASSES = 1000
LAST = "last feature map"  # what a manifest calls the layer ``auto`` of a network that ends in pooling


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """A head that is affine after mean pooling: logits = mean over positions of A · weightᵀ + bias."""

    weight: Float[Tensor, "classes channel"]
    bias: Float[Tensor, " classes"]


class Reading(NamedTuple):
    """What one forward pass says."""

    activations: Float[Tensor, "image position channel"]
    prefix: Float[Tensor, "image prefix channel"]  # class tokens and the like; of length 0 where there are none
    logits: Float[Tensor, "image classes"]


class Backbone:
    """A frozen classifier, BatchNorm folded, cut into ``features`` and ``head`` at ``layer``."""

    def __init__(self, model: nn.Module, *, name: str, weights: dict[str, str], layer: str, device: torch.device) -> None:
        self.name, self.weights, self.device = name, weights, device
        self.preprocessing = preprocessing_of(model)
        model = model.eval().requires_grad_(False)
        size = self.preprocessing.input_size
        example = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
        self.folded = fold_batch_norm(model, example)
        clip_without_copies(model)
        self._model = model = model.to(device).to(memory_format=torch.channels_last)
        self.layer, self._features, self._head = _cut(model, layer)
        self._mean = torch.tensor(self.preprocessing.mean, device=device)[:, None, None]
        self._std = torch.tensor(self.preprocessing.std, device=device)[:, None, None]
        self._prefix = int(getattr(model, "num_prefix_tokens", 0))  # tokens before the patches
        with torch.inference_mode():
            raw = self._features(self._on_device(example))
            self.grid, self.channels = self._shape(raw)
            self.spatial = raw.ndim == 4
        self.linear_head = self._linear_head(model)

    def _shape(self, raw: Tensor) -> tuple[tuple[int, int], int]:
        if raw.ndim == 4:
            return (raw.shape[2], raw.shape[3]), raw.shape[1]
        positions = raw.shape[1] - self._prefix
        side = int(positions**0.5)
        return ((side, side) if side * side == positions else (1, positions)), raw.shape[2]

    def _on_device(self, x: Tensor) -> Tensor:
        return x.to(device=self.device, memory_format=torch.channels_last)

    def normalise(self, images: UInt8[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 height width"]:
        """Turn 8-bit RGB into the network's input range, on its device."""
        return self.normalise_unit(self._on_device(images).float() / 255)

    def normalise_unit(self, images: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 height width"]:
        """Turn RGB in 0…1 into the network's input range (differentiable)."""
        return (images - self._mean) / self._std

    def features(self, x: Float[Tensor, "image 3 height width"]) -> Float[Tensor, "image position channel"]:
        """Return the activations at ``layer``, patch tokens only (differentiable)."""
        return self._tokens(self._features(x))[:, self._prefix if not self.spatial else 0 :]

    def _tokens(self, raw: Tensor) -> Tensor:
        return raw.flatten(2).transpose(1, 2) if raw.ndim == 4 else raw

    def head(
        self,
        activations: Float[Tensor, "image position channel"],
        *,
        prefix: Float[Tensor, "image prefix channel"] | None = None,
    ) -> Float[Tensor, "image classes"]:
        """Return the logits of activations (differentiable); ``prefix`` is the class token, where the head reads one.

        Raises:
            AtlasError: the head also reads a class token, and none is given.
        """
        if self.linear_head:
            return activations.mean(dim=1) @ self.linear_head.weight.T + self.linear_head.bias
        if self.spatial:
            return self._logits(self._head(activations.transpose(1, 2).reshape(len(activations), -1, *self.grid)))
        if self._prefix and prefix is None:
            raise AtlasError(f"The head of {self.name} reads a class token beside the patches, and none was given.")
        return self._logits(self._head(activations if prefix is None else torch.cat([prefix, activations], dim=1)))

    def read(self, x: Float[Tensor, "image 3 height width"]) -> Reading:
        """Return activations, class tokens and logits of one forward pass (differentiable)."""
        raw = self._features(x)
        if self.spatial:
            tokens = self._tokens(raw)
            return Reading(tokens, tokens[:, :0], self.head(tokens) if self.linear_head else self._logits(self._head(raw)))
        return Reading(raw[:, self._prefix :], raw[:, : self._prefix], self._logits(self._head(raw)))

    def logits(
        self, x: Float[Tensor, "image 3 height width"]
    ) -> tuple[Float[Tensor, "image position channel"], Float[Tensor, "image classes"]]:
        """Return activations and logits of one forward pass (differentiable)."""
        found = self.read(x)
        return found.activations, found.logits

    def at_layers(
        self, x: Float[Tensor, "image 3 height width"], layers: Iterable[str]
    ) -> tuple[dict[str | None, Tensor], Float[Tensor, "image position channel"], Float[Tensor, "image classes"]]:
        """Return the activations at other layers, those at ``layer``, and logits, of one forward pass (differentiable)."""
        with listening(self._model, layers) as heard:
            activations, logits = self.logits(x)
        read = {name: output for name, output in heard.items() if isinstance(output, Tensor) and output.ndim in (3, 4)}
        found: dict[str | None, Tensor] = {}
        for name, raw in read.items():
            found[name] = self._tokens(raw) if raw.ndim == 4 else raw[:, self._prefix :]
        return found, activations, logits

    def channels_at(self, layers: Sequence[str]) -> dict[str | None, int]:
        """Return how many channels other layers have.

        Raises:
            AtlasError: no such layer, or one whose output is no feature map and no sequence of tokens.
        """
        if not layers:
            return {}
        size = self.preprocessing.input_size
        with torch.inference_mode():
            found, _, _ = self.at_layers(self._on_device(torch.zeros(1, 3, size, size)), layers)
        if missing := [name for name in layers if name not in found]:
            raise AtlasError(f"The layer {missing[0]!r} gives no feature map and no tokens: name one before the pooling.")
        return {name: activations.shape[2] for name, activations in found.items()}

    def class_head(self, class_index: int) -> tuple[Float[np.ndarray, " channel"], float]:
        """Return weights and bias of one class, where contributions have a closed form.

        Raises:
            AtlasError: the head is not affine after mean pooling.
        """
        head = self.linear_head
        if head is None:
            raise AtlasError(
                f"The head of {self.name} at layer {self.layer!r} is not affine after mean pooling, so contributions have no "
                f"closed form there. Use a backbone that ends in mean pooling and one linear map (such as {DEFAULT}), and "
                "--layer auto."
            )
        return head.weight[class_index].cpu().numpy(), float(head.bias[class_index])

    @staticmethod
    def _logits(output: Any) -> Tensor:
        return output if isinstance(output, Tensor) else output[0]

    def _linear_head(self, model: nn.Module) -> LinearHead | None:
        """Return the affine head, if the real one agrees with it on random activations."""
        classifier: Any = model.get_classifier()  # type: ignore[operator]  # a method of every timm classifier
        if not isinstance(classifier, nn.Linear) or not self.spatial or classifier.in_features != self.channels:
            return None
        shape = (4, self.channels, *self.grid)
        activations = torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 3
        activations = self._on_device(activations * torch.tensor([0.0, 0.3, 1.0, 3.0])[:, None, None, None])
        with torch.inference_mode():
            zero = torch.zeros(classifier.out_features, device=self.device)
            bias = zero if classifier.bias is None else classifier.bias
            expected = F.linear(activations.mean(dim=(2, 3)), classifier.weight, bias)
            gap = (self._logits(self._head(activations)) - expected).abs().max()
        return LinearHead(classifier.weight, bias) if gap <= 1e-4 * expected.abs().max() else None

    @property
    def has_class_token(self) -> bool:
        """Whether the head reads tokens beside the patches."""
        return self._prefix > 0 and not self.spatial

    def fitting(self, size: int) -> int:
        """Return the input size to use where ``size`` is wanted: a network with position embeddings takes only its own."""
        return size if self.spatial else self.preprocessing.input_size

    def describe(self) -> dict[str, Any]:
        """Return what a manifest records."""
        preprocessing = self.preprocessing
        return {
            "name": self.name,
            "weights": self.weights,
            "layer": LAST if self.layer == "auto" else self.layer,
            "head": "affine after mean pooling" if self.linear_head else "not affine",
            "contributions": "closed form" if self.linear_head else "integrated gradients",
            "channels": self.channels,
            "grid": list(self.grid),
            "batch_norms_folded": self.folded,
            "input_size": preprocessing.input_size,
            "crop_pct": preprocessing.crop_pct,
            "crop_mode": preprocessing.crop_mode,
            "interpolation": preprocessing.interpolation,
            "mean": list(preprocessing.mean),
            "std": list(preprocessing.std),
        }


def load(name: str, *, weights: str = "package", layer: str = "auto", device: str = "auto") -> Backbone:
    """Load a timm classifier with 1000 outputs.

    Args:
        name: any timm classifier.
        weights: ``package`` (weights inside an installed Python package), ``hub`` (timm's own, needs a network), ``random``
            (tests), or a file: safetensors, or a state dict (read without executing code).
        layer: ``auto`` (the last feature map), or the name of a module.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, …

    Raises:
        AtlasError: an unknown network, weights that are missing, changed or of another shape, not 1000 outputs, no such device.
    """
    if not timm.is_model(name) and not name.startswith("hf-hub:"):
        near = timm.list_models(f"*{name.split('_')[-1]}*")[:5]
        raise AtlasError(f"timm knows no backbone {name!r}." + (f" Did you mean {', '.join(near)}?" if near else ""))
    model, provenance = with_weights(name, weights)
    outputs = int(getattr(model, "num_classes", 0))
    if outputs != N_CLASSES:
        raise AtlasError(f"{name} has {outputs} outputs; an atlas describes the 1000 ImageNet classes and needs 1000.")
    return Backbone(model, name=name, weights=provenance, layer=layer, device=pick_device(device))


def pick_device(device: str) -> torch.device:
    """Return the device asked for; ``auto`` prefers a CUDA device.

    Raises:
        AtlasError: no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise AtlasError(
            f"The device {device!r} cannot be used here ({str(error).splitlines()[0]}): try --device auto."
        ) from error
    return chosen


def _cut(model: nn.Module, layer: str) -> tuple[str, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    blocks = getattr(model, "blocks", None)
    if layer == "auto" and getattr(model, "global_pool", None) == "token" and isinstance(blocks, nn.Sequential):
        layer = f"blocks.{len(blocks) - 2}"  # after the last block a class token reads no patch any more
    if layer == "auto":
        return "auto", model.forward_features, model.forward_head  # type: ignore[return-value]
    features, head = cut_at(model, layer)
    return layer, features, head
