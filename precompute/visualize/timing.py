"""What a picture costs on this machine, from a few of its steps."""

from __future__ import annotations

import time
from dataclasses import replace

from precompute.network.backbone import Backbone
from precompute.visualize.optimise import Visualization, visualize
from precompute.visualize.presets import Preset
from precompute.visualize.spectrum import Spectrum
from precompute.visualize.target import Target

_FEW = 10  # steps that are timed beyond the first, which is slower


def cost(backbone: Backbone, preset: Preset, *, spectrum: Spectrum, batch: int) -> tuple[float, Visualization]:
    """Return the seconds of one picture of a batch, and an unfinished one (its bytes are about those of a finished one).

    What comes once a picture (looking at it whole, its opacity) is timed with the first step.
    """
    targets = [Target(seed, class_index=seed) for seed in range(batch)]
    took = []
    for steps in (1, 1, 1 + _FEW):  # the first run warms up
        start = time.perf_counter()
        made = visualize(backbone, targets, spectrum=spectrum, preset=replace(preset, steps=steps))
        took.append(time.perf_counter() - start)
    step = max(took[2] - took[1], 0.0) / _FEW
    return (took[1] + step * (preset.steps - 1)) / batch, made[0]
