"""The loop: render, cut, ask the backbone, step; many pictures side by side, none depending on another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from precompute.network.allocator import reusing_memory
from precompute.network.backbone import Backbone
from precompute.visualize.crops import cut, draw
from precompute.visualize.opacity import opacity
from precompute.visualize.parameterisation import PARAMETERISATIONS, Parameterisation
from precompute.visualize.presets import Preset
from precompute.visualize.spectrum import Spectrum
from precompute.visualize.target import Objective, Target

_AT_ONCE = 32 * 160**2  # pixels of crops in one pass through the backbone: bounds memory, whatever the number of pictures


@dataclass(frozen=True, slots=True, eq=False)
class Visualization:
    """A finished picture, or one that failed (as it was when it did)."""

    rgba: Float[np.ndarray, "size size 4"]  # 0…1
    objective: float  # on the whole picture: a logit for a class, a cosine for a direction, an activation for a channel
    activation: Float[np.ndarray, " channel"]  # of the whole picture, mean over positions, at the target's layer
    steps: int  # made
    failed: str = ""  # why it is no good, if it is not


def visualize(
    backbone: Backbone,
    targets: Sequence[Target],
    *,
    spectrum: Spectrum,
    preset: Preset,
    on_step: Callable[[int], None] = lambda pictures: None,
    on_picture: Callable[[int, Tensor], None] | None = None,
) -> list[Visualization]:
    """Make one picture a target; each depends on its own target and seed alone, whatever the others are.

    Args:
        backbone: the network looked into.
        targets: any number; memory stays below 2 GB.
        spectrum: the magnitude to keep.
        preset: how much work; a network that takes one input size only gets crops of that size.
        on_step: told after every step how many pictures advanced (those that stop early advance by all that is left).
        on_picture: given the step and the pictures (picture, 3, size, size) before every step, for those who want to watch.

    Raises:
        AtlasError: a class, direction, channel or layer that the backbone does not have.
    """
    preset = replace(preset, crop_input=backbone.fitting(preset.crop_input))
    objective = Objective(backbone, targets)
    parameterisation = PARAMETERISATIONS[preset.parameterisation](spectrum, preset, backbone.device)
    with reusing_memory():
        run = _Run(backbone, objective, parameterisation, preset, [target.seed for target in targets])
        for step in range(preset.steps):
            if on_picture:
                on_picture(step, parameterisation.render(run.parameters).detach())
            advanced = run.step(step)
            on_step(advanced)
            if not run.alive:
                break
        return run.finished()


class _Run:
    """The state of an optimisation."""

    def __init__(
        self, backbone: Backbone, objective: Objective, parameterisation: Parameterisation, preset: Preset, seeds: Sequence[int]
    ) -> None:
        self._backbone, self._objective, self._parameterisation, self._preset = backbone, objective, parameterisation, preset
        self._random = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._parameters = [parameterisation.initial(generator).requires_grad_() for generator in self._random]
        self._optimiser = torch.optim.NAdam(self._parameters, lr=preset.learning_rate)
        self._seen = torch.zeros(len(seeds), preset.size, preset.size, device=backbone.device)
        self._history: list[list[float]] = [[] for _ in seeds]
        self._failed = [""] * len(seeds)
        self.alive = list(range(len(seeds)))

    @property
    def parameters(self) -> Tensor:
        """All pictures' numbers in one tensor."""
        return torch.stack(list(self._parameters))

    def step(self, step: int) -> int:
        """Advance every picture that is not finished; return by how many steps in all."""
        progress = step / max(self._preset.steps - 1, 1)
        self._optimiser.zero_grad()
        group = max(1, _AT_ONCE // (self._preset.crops * self._preset.crop_input**2))
        for start in range(0, len(self.alive), group):
            self._ascend(self.alive[start : start + group], progress)
        begun = len(self.alive)
        self._drop_failed(step)
        self._optimiser.step()
        self.alive = [i for i in self.alive if not _flat(self._history[i], self._preset.patience)]
        left = self._preset.steps - step - 1
        return begun + left * (begun - len(self.alive))

    def _ascend(self, pictures: Sequence[int], progress: float) -> None:
        """Add the gradient of these pictures to their numbers."""
        p = self._preset
        noise = torch.empty(len(pictures), p.crops, p.crop_input, p.crop_input, 3).permute(0, 1, 4, 2, 3)
        crops = [draw(p, self._random[i], progress=progress, noise=room) for i, room in zip(pictures, noise, strict=True)]
        painted = self._parameterisation.render(torch.stack([self._parameters[i] for i in pictures]))
        painted.retain_grad()
        normalised = self._backbone.normalise_unit(painted)  # before the crops: fewer pixels, and means commute with it
        x = cut(normalised, torch.stack([c.centre for c in crops]), torch.stack([c.side for c in crops]), p)
        x = noise.flatten(0, 1).to(x.device) + x  # noise first: the sum takes its layout, channels last
        with _precision(self._backbone.device):
            score, _, _ = self._objective(x.contiguous(memory_format=torch.channels_last), pictures)
        (-score.float().sum()).backward()
        assert painted.grad is not None
        self._seen[list(pictures)] += painted.grad.abs().sum(dim=1).nan_to_num()
        for i, value in zip(pictures, score.tolist(), strict=True):
            self._history[i].append(value)

    def _drop_failed(self, step: int) -> None:
        """Take out pictures whose objective or gradient is no number; they stay as they were."""
        for i in self.alive:
            gradient = self._parameters[i].grad
            assert gradient is not None
            if not math.isfinite(self._history[i][-1]) or not math.isfinite(float(gradient.sum())):
                self._failed[i] = f"its objective was no number at step {step + 1} of {self._preset.steps}"
                self._parameters[i].grad = None
        self.alive = [i for i in self.alive if not self._failed[i]]

    @torch.no_grad()
    def finished(self) -> list[Visualization]:
        """Look at every picture whole, at the size the backbone is used to."""
        whole = replace(self._preset, crop_input=self._backbone.preprocessing.input_size)
        visible = opacity(self._seen)
        found = []
        for i, parameters in enumerate(self._parameters):
            painted = self._parameterisation.render(parameters[None])
            x = cut(painted, torch.full((1, 1, 2), 0.5), torch.ones(1, 1), whole)
            _, reached, means = self._objective(
                self._backbone.normalise_unit(x).contiguous(memory_format=torch.channels_last), [i]
            )
            rgba = torch.cat([painted[0], visible[i][None]]).permute(1, 2, 0).cpu().numpy()
            steps = len(self._history[i])
            found.append(Visualization(rgba, float(reached), means[0].cpu().numpy(), steps, self._failed[i]))
        return found


def _precision(device: torch.device) -> AbstractContextManager[object]:
    """Return bfloat16 on CUDA, where it is twice as fast; on a CPU it gains nothing."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()


def _flat(history: Sequence[float], patience: int) -> bool:
    """Say whether the mean of the last ``patience`` steps is no better than that of the ``patience`` steps before."""
    if not patience or len(history) < 2 * patience:
        return False
    before, last = np.mean(history[-2 * patience : -patience]), np.mean(history[-patience:])
    return bool(last <= before)
