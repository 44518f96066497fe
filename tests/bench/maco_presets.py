"""The presets beside those before them: the same classes and seed, interleaved in one run, judged by a network that saw neither.

``BENCH_PRESETS`` names those to compare (quick,fine by default; full takes five times as long as fine). No photos are needed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import numpy as np
import torch

from precompute import visualize
from precompute.network import backbone
from precompute.network.backbone import Backbone
from precompute.visualize import PRESETS, Preset, Target, spectrum
from tests.bench._judge import logits_of
from tests.bench._pictures import sheet

CLASSES = (497, 566, 953, 130, 71, 251, 571, 327)  # church, French horn, pineapple, flamingo, scorpion, dalmatian, …
AT_ONCE = 4
_BEFORE = {"noise": (0.4, 0.1), "contrast": 1.8, "phase_sd": 1.0}
BEFORE: dict[str, Preset] = {
    "quick": Preset(size=224, crop_input=128, steps=48, crops=4, box=(0.6, 1.0), **_BEFORE),
    "fine": Preset(size=256, crop_input=160, steps=64, crops=4, box=(0.5, 1.0), centre_sd=0.2, **_BEFORE),
    "full": Preset(size=512, crop_input=224, steps=192, crops=6, box=(0.35, 1.0), centre_sd=0.25, patience=32, **_BEFORE),
}
MEASURES = ("logit", "transfer logit", "transfer probability", "transfer top-1", "seconds", "CPU seconds")


def _judged(own: Backbone, other: Backbone, rgba: np.ndarray, class_index: int) -> tuple[float, float, float, float]:
    picture = torch.from_numpy(np.ascontiguousarray(rgba[..., :3])).permute(2, 0, 1)[None].float()
    said = logits_of(other, picture)
    return (
        float(logits_of(own, picture)[class_index]),
        float(said[class_index]),
        float(said.softmax(0)[class_index]),
        float(said.argmax() == class_index),
    )


def _made(own: Backbone, preset: Preset, classes: Sequence[int]) -> tuple[list[np.ndarray], float, float]:
    """Return pictures, and the seconds and CPU seconds of each."""
    wall, cpu = time.perf_counter(), time.process_time()
    made = visualize.visualize(own, [Target(0, class_index=c) for c in classes], spectrum=spectrum.load(), preset=preset)
    return [v.rgba for v in made], (time.perf_counter() - wall) / len(made), (time.process_time() - cpu) / len(made)


def main() -> None:
    """Print a row a preset, and write the contact sheet."""
    own, other = backbone.load("tf_efficientnet_lite0"), backbone.load("tf_efficientnet_lite2")
    names = os.environ.get("BENCH_PRESETS", "quick,fine").split(",")
    settings = {f"{name}, {when}": of[name] for name in names for when, of in (("before", BEFORE), ("now", PRESETS))}
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in settings}
    pictures: dict[str, list[np.ndarray]] = {name: [] for name in settings}
    for start in range(0, len(CLASSES), AT_ONCE):
        classes = CLASSES[start : start + AT_ONCE]
        for name, preset in settings.items():
            made, seconds, cpu = _made(own, preset, classes)
            rows[name] += [(*_judged(own, other, rgba, c), seconds, cpu) for rgba, c in zip(made, classes, strict=True)]
            pictures[name] += [rgba[..., :3] for rgba in made]
    for name, row in rows.items():
        means = zip(MEASURES, np.mean(row, axis=0), strict=True)
        print(f"  {name:14s} " + "  ".join(f"{measure} {value:.2f}" for measure, value in means))
    print(
        f"  {len(CLASSES)} classes, {torch.get_num_threads()} threads; pictures: {sheet(list(pictures.items()), 'maco-presets')}"
    )


if __name__ == "__main__":
    main()
