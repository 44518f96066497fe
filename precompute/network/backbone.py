"""A timm classifier cut in two: features(x) → A, head(A) → logits.

Notation: x (image, 3, height, width) normalised pixels; A (image, position, channel) activations; logits (image, class).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from atlas.schema import AtlasError
from precompute.network.batchnorm import fold_batch_norm
from precompute.network.halves import AUTO, halves_of, logits_of
from precompute.network.hooks import capture_outputs
from precompute.network.layout import layout_of
from precompute.network.numbers import are_numbers, no_numbers
from precompute.network.preprocessing import preprocessing_of
from precompute.network.relu6 import use_in_place_relu6
from precompute.network.weights import with_weights

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
        use_in_place_relu6(model)
        self._model = model = model.to(device).to(memory_format=torch.channels_last)
        halves = halves_of(model, layer, self._on_device(example))
        self.layer, self.grid, self.channels = halves.layer, halves.grid, halves.channels
        self._features, self._head, self._layout = halves.features, halves.head, halves.layout
        self._fitting = {self.preprocessing.input_size: self.preprocessing.input_size}
        self._mean = torch.tensor(self.preprocessing.mean, device=device)[:, None, None]
        self._std = torch.tensor(self.preprocessing.std, device=device)[:, None, None]
        self.linear_head = self._linear_head()

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
        return self._layout.split(self._features(x))[0]

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
        if self._layout.prefix and prefix is None:
            raise AtlasError(f"The head of {self.name} reads a class token beside the patches, and none was given.")
        return logits_of(self._head(self._layout.joined(activations, prefix, self.grid)))

    def read(self, x: Float[Tensor, "image 3 height width"]) -> Reading:
        """Return activations, class tokens and logits of one forward pass (differentiable)."""
        raw = self._features(x)
        positions, prefix = self._layout.split(raw)
        return Reading(positions, prefix, self.head(positions) if self.linear_head else logits_of(self._head(raw)))

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
        with capture_outputs(self._model, layers) as outputs:
            activations, logits = self.logits(x)
        found: dict[str | None, Tensor] = {}
        for name, raw in outputs.items():
            if layout := layout_of(raw, self._model):
                found[name] = layout.split(raw)[0]
        return found, activations, logits

    def require_numbers(self, pixels: UInt8[np.ndarray, "size size 3"]) -> None:
        """Refuse a network that computes no numbers from a photo.

        Raises:
            AtlasError: it does; the message names the first layer.
        """
        x = self.normalise(torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None])
        with torch.inference_mode():
            found = self.read(x)
        if not are_numbers((found.activations, found.logits)):
            raise no_numbers(self._model, x)

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

    def _linear_head(self) -> LinearHead | None:
        """Return the affine head, if the real one agrees with it on random activations, whatever the tokens before them."""
        classifier: Any = self._model.get_classifier()  # type: ignore[operator]  # a method of every timm classifier
        if not isinstance(classifier, nn.Linear) or classifier.in_features != self.channels:
            return None
        generator = torch.Generator().manual_seed(1)
        scale = torch.tensor([0.0, 0.3, 1.0, 3.0])[:, None, None]
        positions, prefix = (
            (torch.rand(4, count, self.channels, generator=generator) * 3 * scale).to(self.device)
            for count in (math.prod(self.grid), self._layout.prefix)
        )
        with torch.inference_mode():
            zero = torch.zeros(classifier.out_features, device=self.device)
            bias = zero if classifier.bias is None else classifier.bias
            expected = F.linear(positions.mean(dim=1), classifier.weight, bias)
            gap = (logits_of(self._head(self._layout.joined(positions, prefix, self.grid))) - expected).abs().max()
        return LinearHead(classifier.weight, bias) if gap <= 1e-4 * expected.abs().max() else None

    @property
    def has_class_token(self) -> bool:
        """Whether the head reads tokens beside the patches."""
        return self._layout.prefix > 0 and self.linear_head is None

    def fitting(self, size: int) -> int:
        """Return the input size to use where ``size`` is wanted: a network with position embeddings takes only its own."""
        if size not in self._fitting:
            self._fitting[size] = size if self._takes(size) else self.preprocessing.input_size
        return self._fitting[size]

    def _takes(self, size: int) -> bool:
        """Return whether images of another size give an image grid of the same channels."""
        try:
            with torch.inference_mode():
                raw = self._features(self._on_device(torch.zeros(1, 3, size, size)))
        except Exception:  # whatever a network's code raises for a size it was not made for
            return False
        layout = layout_of(raw, self._model)
        return layout == self._layout and layout.split(raw)[0].shape[2] == self.channels

    def describe(self) -> dict[str, Any]:
        """Return what a manifest records."""
        preprocessing = self.preprocessing
        return {
            "name": self.name,
            "weights": self.weights,
            "layer": LAST if self.layer == AUTO else self.layer,
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
        AtlasError: an unknown network, weights that are missing, changed or of another shape, not 1000 outputs, no such device,
            a network that gives no numbers, or one that cannot be cut where its head reads the patches of an image grid.
    """
    if not timm.is_model(name) and not name.startswith("hf-hub:"):
        near = get_close_matches(name.lower(), timm.list_models(), n=3, cutoff=0.7)
        raise AtlasError(f"timm knows no backbone {name!r}." + (f" Did you mean {', '.join(near)}?" if near else ""))
    model, provenance = with_weights(name, weights)
    outputs = int(getattr(model, "num_classes", 0))
    if outputs != N_CLASSES:
        raise AtlasError(f"{name} has {outputs} outputs; an atlas describes the 1000 ImageNet classes and needs 1000.")
    where = pick_device(device)
    try:
        return Backbone(model, name=name, weights=provenance, layer=layer, device=where)
    except (AtlasError, MemoryError):
        raise
    except Exception as error:  # whatever a network's code raises for a plain batch of images
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise AtlasError(f"{name} cannot look at a batch of images as other classifiers do ({reason}).") from error


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
