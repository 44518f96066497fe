"""What a picture should excite: a class (its logit), a direction in activation space (an atom), or one channel; at any layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from atlas.schema import AtlasError
from precompute.network.backbone import N_CLASSES, Backbone

_EPS = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One of class_index, direction or channel; and the seed of the picture."""

    seed: int
    class_index: int | None = None
    direction: Float[np.ndarray, " channel"] | None = None
    channel: int | None = None
    layer: str | None = None  # of a direction or channel: the name of a module; None: the layer the backbone is cut at

    def __post_init__(self) -> None:
        if sum(wanted is not None for wanted in (self.class_index, self.direction, self.channel)) != 1:
            raise AtlasError("A picture has one target: a class, a direction or a channel.")

    @property
    def unit(self) -> str:
        """What its objective is measured in."""
        return "logit" if self.class_index is not None else "cosine" if self.direction is not None else "mean activation"


class Objective:
    """Score crops for their targets: the logit of a class; dot · max(cosine, 0.1)² for a direction; a channel's mean.

    Scores of one picture never depend on another's: each is computed from its own rows.
    """

    def __init__(self, backbone: Backbone, targets: Sequence[Target]) -> None:
        self._backbone, self._targets = backbone, targets
        self._layers = sorted({t.layer for t in targets if t.layer is not None})
        self._with_logits = any(t.class_index is not None for t in targets)
        channels = backbone.channels_at(self._layers) | {None: backbone.channels}
        self._directions = [_checked(target, channels[target.layer]) for target in targets]
        self._directions = [None if d is None else d.to(backbone.device) for d in self._directions]

    def __call__(
        self, x: Float[Tensor, "crop 3 height width"], pictures: Sequence[int]
    ) -> tuple[Float[Tensor, " picture"], Float[Tensor, " picture"], list[Tensor]]:
        """Score equally many crops of each of the named pictures.

        Returns:
            (what is maximised; what is reported: the plain cosine for directions; each picture's mean activation (channel,)).
        """
        responses, logits = self._responses(x)
        each = len(x) // len(pictures)
        maximised, reported, means = [], [], []
        for at, i in enumerate(pictures):
            mine = slice(at * each, (at + 1) * each)
            target, mean = self._targets[i], responses[self._targets[i].layer][mine].mean(dim=1)
            high, plain = _score(target, mean, None if logits is None else logits[mine], self._directions[i])
            maximised.append(high.mean())
            reported.append(plain.mean())
            means.append(mean.detach().mean(dim=0))
        return torch.stack(maximised), torch.stack(reported), means

    def _responses(self, x: Tensor) -> tuple[dict[str | None, Tensor], Tensor | None]:
        if self._layers:
            found, own, logits = self._backbone.at_layers(x, self._layers)
            return {**found, None: own}, logits
        if self._with_logits:
            activations, logits = self._backbone.logits(x)
            return {None: activations}, logits
        return {None: self._backbone.features(x)}, None


def _score(
    target: Target, mean: Float[Tensor, "crop channel"], logits: Tensor | None, direction: Tensor | None
) -> tuple[Tensor, Tensor]:
    if target.class_index is not None:
        assert logits is not None
        return logits[:, target.class_index], logits[:, target.class_index]
    if target.channel is not None:
        return mean[:, target.channel], mean[:, target.channel]
    assert direction is not None
    dot = (mean * direction).sum(dim=1)
    cosine = dot / (mean.norm(dim=1) + _EPS)
    return dot * cosine.clamp(min=0.1) ** 2, cosine


def _checked(target: Target, channels: int) -> Float[Tensor, " channel"] | None:
    """Return the unit direction of a target, if it has one; refuse what the backbone does not have."""
    if target.class_index is not None:
        if not 0 <= target.class_index < N_CLASSES:
            raise AtlasError(f"There is no class {target.class_index}: classes are numbered 0 to {N_CLASSES - 1}.")
        return None
    if target.channel is not None:
        if not 0 <= target.channel < channels:
            raise AtlasError(f"There is no channel {target.channel}: the layer has channels 0 to {channels - 1}.")
        return None
    direction = torch.from_numpy(np.asarray(target.direction, np.float32))
    if direction.shape != (channels,) or not direction.abs().sum() > 0:
        raise AtlasError(f"A direction needs {channels} channels, not all zero; found shape {tuple(direction.shape)}.")
    return F.normalize(direction, dim=0)
