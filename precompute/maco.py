"""Feature visualization by magnitude-constrained optimisation (MACO).

Notation: φ (picture, 3, n, n/2 + 1) phase, all that is optimised; r (3, n, n/2 + 1) magnitude of natural photos, fixed;
M (3, 3) colour matrix. z = irfft2(r · exp(iφ)), standardised; picture = sigmoid(contrast · M z); each step cuts random crops,
adds noise and asks the backbone.
α, the opacity, accumulates |∂objective/∂picture|: where the objective never looked, there is nothing to see.
Source: Fel et al., NeurIPS 2023, "Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from atlas.schema import AtlasError
from precompute.backbone import Backbone
from precompute.spectrum import Spectrum

_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Preset:
    """How much work a picture gets; sizes in pixels, box and centre in units of the picture's side, noise in input units."""

    size: int
    crop_input: int
    steps: int
    crops: int
    box: tuple[float, float]  # smallest and largest side of a crop
    centre_sd: float = 0.15
    noise: tuple[float, float] = (0.4, 0.1)  # standard deviation at the first and the last step
    learning_rate: float = 1.0
    contrast: float = 1.5

    def __post_init__(self) -> None:
        low, high = self.box
        if not 0 < low <= high <= 1:
            raise AtlasError(f"A crop box must be (smallest, largest) with 0 < smallest ≤ largest ≤ 1; found {self.box}.")
        if min(self.crops, self.steps, self.size, self.crop_input) < 1:
            raise AtlasError(f"MACO needs at least one crop, one step and one pixel; found {self}.")


PRESETS: dict[str, Preset] = {
    "quick": Preset(size=224, crop_input=128, steps=48, crops=4, box=(0.6, 1.0)),
    "fine": Preset(size=256, crop_input=160, steps=96, crops=5, box=(0.5, 1.0), centre_sd=0.2),
    "full": Preset(size=384, crop_input=224, steps=256, crops=8, box=(0.4, 1.0), centre_sd=0.25),
}


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What a picture should excite: a class (its logit), or a direction in activation space (an atom)."""

    seed: int
    class_index: int | None = None
    direction: Float[np.ndarray, " channel"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Visualization:
    """A finished picture."""

    rgba: Float[np.ndarray, "size size 4"]  # 0…1
    objective: float  # on the whole picture: a logit for a class, a cosine for a direction


def visualize(
    backbone: Backbone,
    targets: Sequence[Target],
    *,
    spectrum: Spectrum,
    preset: Preset,
    on_step: Callable[[int], None] = lambda pictures: None,
) -> list[Visualization]:
    """Make one picture a target, all optimised in one batch; each depends on its own target and seed alone.

    Args:
        backbone: the network looked into.
        targets: at most as many as memory allows (8 at the preset ``fine`` need about 1.5 GB).
        spectrum: the magnitude to keep.
        preset: how much work.
        on_step: told after every step how many pictures advanced.

    Raises:
        AtlasError: a class or direction that the backbone does not have.
    """
    objective = _Objective(backbone, targets)
    canvas = _Canvas(spectrum, preset, backbone.device)
    random = [torch.Generator().manual_seed(target.seed) for target in targets]
    phase = torch.stack([canvas.initial_phase(generator) for generator in random]).requires_grad_()
    optimiser = torch.optim.NAdam([phase], lr=preset.learning_rate)
    seen = torch.zeros(len(targets), preset.size, preset.size, device=backbone.device)
    for step in range(preset.steps):
        pictures = canvas.paint(phase)
        pictures.retain_grad()
        crops = [draw_crops(preset, generator, progress=step / max(preset.steps - 1, 1)) for generator in random]
        x = backbone.normalise_unit(
            cut(pictures, torch.stack([c.centre for c in crops]), torch.stack([c.side for c in crops]), preset)
        )
        x = x + torch.stack([c.noise for c in crops]).flatten(0, 1).to(backbone.device)
        score = objective(x.contiguous(memory_format=torch.channels_last)).reshape(len(targets), -1).mean(dim=1)
        optimiser.zero_grad()
        (-score.sum()).backward()
        assert pictures.grad is not None
        seen += pictures.grad.abs().sum(dim=1)
        optimiser.step()
        on_step(len(targets))
    return _finish(canvas.paint(phase.detach()), seen, objective, preset)


class _Objective:
    """Score images for their targets: the logit of a class; dot · max(cosine, 0.1)² for a direction."""

    def __init__(self, backbone: Backbone, targets: Sequence[Target]) -> None:
        self._backbone = backbone
        self._is_class = torch.tensor([t.class_index is not None for t in targets])
        self._classes = torch.tensor([t.class_index or 0 for t in targets], device=backbone.device)
        if int(self._classes.max()) >= 1000 or int(self._classes.min()) < 0:
            raise AtlasError(f"There is no class {int(self._classes.max())}: classes are numbered 0 to 999.")
        self._directions = torch.stack([self._direction(t) for t in targets]).to(backbone.device)

    def _direction(self, target: Target) -> Tensor:
        if target.direction is None:
            return torch.zeros(self._backbone.channels)
        direction = torch.from_numpy(np.asarray(target.direction, np.float32))
        if direction.shape != (self._backbone.channels,) or not direction.abs().sum() > 0:
            raise AtlasError(
                f"A direction needs {self._backbone.channels} channels, not all zero; found shape {tuple(direction.shape)}."
            )
        return F.normalize(direction, dim=0)

    def __call__(self, x: Float[Tensor, "crop 3 height width"], *, report: bool = False) -> Float[Tensor, " crop"]:
        """Score crops, picture by picture; ``report`` gives the plain cosine for directions."""
        each = len(x) // len(self._classes)
        classes, is_class = self._classes.repeat_interleave(each), self._is_class.repeat_interleave(each).to(x.device)
        activations, logits = self._responses(x, bool(is_class.any()))
        mean = activations.mean(dim=1)
        dot = (mean * self._directions.repeat_interleave(each, dim=0)).sum(dim=1)
        cosine = dot / (mean.norm(dim=1) + _EPS)
        along = cosine if report else dot * cosine.clamp(min=0.1) ** 2
        if logits is None:
            return along
        return torch.where(is_class, logits.gather(1, classes[:, None])[:, 0], along)

    def _responses(self, x: Tensor, with_logits: bool) -> tuple[Tensor, Tensor | None]:
        return self._backbone.logits(x) if with_logits else (self._backbone.features(x), None)


class _Canvas:
    """Phases → pictures."""

    def __init__(self, spectrum: Spectrum, preset: Preset, device: torch.device) -> None:
        self._preset = preset
        self._magnitude = torch.from_numpy(spectrum.resized(preset.size)).to(device)
        self._colour = torch.from_numpy(spectrum.colour).to(device)
        self._device = device

    def initial_phase(self, generator: torch.Generator) -> Float[Tensor, "3 size half"]:
        return torch.randn(self._magnitude.shape, generator=generator).to(self._device)

    def paint(self, phase: Float[Tensor, "picture 3 size half"]) -> Float[Tensor, "picture 3 size size"]:
        """Return pictures in 0…1."""
        angle = _standardised(phase)
        size = self._preset.size
        z = torch.fft.irfft2(torch.complex(self._magnitude * angle.cos(), self._magnitude * angle.sin()), s=(size, size))
        mixed = torch.einsum("rc,pchw->prhw", self._colour, _standardised(z))
        return torch.sigmoid(self._preset.contrast * mixed)


def _standardised(values: Float[Tensor, "picture channel height width"]) -> Float[Tensor, "picture channel height width"]:
    centred = values - _mean(values)
    return centred / (_mean(centred**2).sqrt() + _EPS)


def _mean(values: Float[Tensor, "picture channel height width"]) -> Float[Tensor, "picture channel height 1"]:
    """Average a picture, row by row first, and repeat the mean for every row.

    So the order of the sums, forwards and backwards, never depends on how many pictures there are, and a batch equals its parts
    to the last bit: the optimisation is chaotic and would not forgive less.
    """
    rows = values.mean(dim=3, keepdim=True)
    return rows.mean(dim=(1, 2), keepdim=True).expand_as(rows)


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """The random part of one step of one picture, in units of its side."""

    centre: Float[Tensor, "crop 2"]  # x, y
    side: Float[Tensor, " crop"]
    noise: Float[Tensor, "crop 3 crop_input crop_input"]


def draw_crops(preset: Preset, generator: torch.Generator, *, progress: float) -> Crops:
    """Draw crops inside the picture, and their noise; ``progress`` runs from 0 to 1."""
    low, high = preset.box
    side = low + (high - low) * torch.rand(preset.crops, generator=generator)
    centre = 0.5 + preset.centre_sd * torch.randn(preset.crops, 2, generator=generator)
    half = side[:, None] / 2
    first, last = preset.noise
    sd = first + (last - first) * progress
    noise = sd * torch.randn(preset.crops, 3, preset.crop_input, preset.crop_input, generator=generator)
    return Crops(torch.maximum(torch.minimum(centre, 1 - half), half), side, noise)


def cut(
    pictures: Float[Tensor, "picture 3 size size"],
    centre: Float[Tensor, "picture crop 2"],
    side: Float[Tensor, "picture crop"],
    preset: Preset,
) -> Float[Tensor, "crops 3 crop_input crop_input"]:
    """Cut and resize every crop of every picture with two matrix products, antialiased, differentiable, deterministic."""
    across = _resampling(centre[..., 0], side, preset).to(pictures.device)
    down = _resampling(centre[..., 1], side, preset).to(pictures.device)
    n, m = preset.size, preset.crop_input
    rows = pictures.transpose(1, 2).reshape(len(pictures), 1, n, 3 * n)  # y, then channel and x
    resized = (down @ rows).unflatten(-1, (3, n))  # picture, crop, m, channel, x
    return (resized.reshape(*resized.shape[:2], 3 * m, n) @ across.mT).unflatten(2, (m, 3)).transpose(2, 3).flatten(0, 1)


def _resampling(centre: Float[Tensor, "picture crop"], side: Float[Tensor, "picture crop"], preset: Preset) -> Tensor:
    """Return (picture, crop, crop_input, size) weights of a triangle filter as wide as the crop is reduced."""
    n, m = preset.size, preset.crop_input
    step = side * n / m  # picture pixels a crop pixel
    start = (centre - side / 2) * n
    at = start[..., None] + (torch.arange(m) + 0.5) * step[..., None] - 0.5
    width = step.clamp(min=1.0)[..., None, None]
    weights = (1 - (torch.arange(n) - at[..., None]).abs() / width).clamp(min=0)
    return weights / weights.sum(dim=-1, keepdim=True)


def _finish(pictures: Tensor, seen: Tensor, objective: _Objective, preset: Preset) -> list[Visualization]:
    with torch.inference_mode():
        whole = torch.full((len(pictures), 1), 1.0)
        x = cut(pictures, torch.full((len(pictures), 1, 2), 0.5), whole, preset)
        reached = objective(objective._backbone.normalise_unit(x), report=True).cpu().numpy()
    opacity = _opacity(seen.cpu())
    rgba = torch.cat([pictures.cpu(), opacity[:, None]], dim=1).permute(0, 2, 3, 1).numpy()
    return [Visualization(picture, float(value)) for picture, value in zip(rgba, reached, strict=True)]


def _opacity(seen: Float[Tensor, "picture size size"]) -> Float[Tensor, "picture size size"]:
    """Blur what was seen (specks), clip at the 95th percentile, divide by it."""
    size = seen.shape[-1]
    radius = max(1, size // 28)
    blurred = seen[:, None]
    for _ in range(2):
        blurred = F.avg_pool2d(F.pad(blurred, [radius] * 4, mode="replicate"), 2 * radius + 1, stride=1)
    top = blurred.flatten(1).quantile(0.95, dim=1)[:, None, None, None].clamp(min=1e-12)
    return (blurred / top).clamp(max=1)[:, 0]
