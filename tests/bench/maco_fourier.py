"""MACO beside the Fourier parameterisation: at least 30 classes × 3 seeds, the same steps, crops, sizes and colours.

Fourier is given the learning rate that serves it best (a small sweep comes first), so that MACO is not compared with a straw man.
Differences are paired by class and seed; their interval is a bootstrap over classes. Photos: BENCH_PHOTOS (see ``_judge``).
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from precompute import visualize
from precompute.visualize import PRESETS, Preset, Target, spectrum
from tests.bench._judge import Judge, Verdict
from tests.bench._pictures import sheet

PRESET = PRESETS[os.environ.get("BENCH_PRESET", "quick")]
SEEDS = int(os.environ.get("BENCH_SEEDS", "3"))
RATES = (0.02, 0.05, 0.1, 0.3, 1.0)
TRIED = (497, 130, 953, 71, 951, 574)  # classes of the sweep over learning rates
MEASURES = ("logit", "probability", "transfer_logit", "transfer_probability", "distance")
SHOWN = 10


def _made(judge: Judge, preset: Preset, classes: Sequence[int], seed: int) -> tuple[list[np.ndarray], list[Verdict]]:
    targets = [Target(seed, class_index=c) for c in classes]
    made = [v.rgba for v in visualize.visualize(judge.own, targets, spectrum=spectrum.load(), preset=preset)]
    return made, [judge(picture, c) for picture, c in zip(made, classes, strict=True)]


def _best_rate(judge: Judge) -> float:
    """Return the learning rate at which Fourier reaches the highest logit, which is what it optimises; print them all."""
    found = {}
    for rate in RATES:
        _, verdicts = _made(judge, replace(PRESET, parameterisation="fourier", learning_rate=rate), TRIED, 100)
        found[rate] = statistics.mean(v.logit for v in verdicts)
        means = ", ".join(f"{m.replace('_', ' ')} {statistics.mean(getattr(v, m) for v in verdicts):.2f}" for m in MEASURES)
        print(f"  Fourier, learning rate {rate}: {means}", flush=True)
    return max(found, key=lambda rate: found[rate])


def _interval(differences: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean, classes (rows) resampled."""
    random = np.random.default_rng(0)
    rows = random.integers(0, len(differences), (2000, len(differences)))
    low, high = np.percentile(differences[rows].mean(axis=(1, 2)), [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Print the means of both, and the paired differences with their intervals."""
    judge = Judge()
    rate = _best_rate(judge)
    presets = {"maco": PRESET, "fourier": replace(PRESET, parameterisation="fourier", learning_rate=rate)}
    verdicts: dict[str, list[list[Verdict]]] = {name: [] for name in presets}  # seed, class
    shown: dict[str, list[np.ndarray]] = {}
    for seed in range(SEEDS):
        for name, preset in presets.items():
            pictures, found = _made(judge, preset, judge.classes, seed)
            verdicts[name].append(found)
            shown.setdefault(name, pictures[:: max(1, len(pictures) // SHOWN)])
    real = [judge.real(c) for c in judge.classes]
    print(f"{len(judge.classes)} classes × {SEEDS} seeds, {PRESET.steps} steps × {PRESET.crops} crops; Fourier at rate {rate}")
    for measure in MEASURES:
        values = {
            name: np.array([[getattr(v, measure) for v in row] for row in found]).T for name, found in verdicts.items()
        }  # class, seed
        difference = values["maco"] - values["fourier"]
        low, high = _interval(difference)
        photos = statistics.mean(getattr(v, measure) for v in real)
        print(
            f"  {measure.replace('_', ' '):22s} MACO {values['maco'].mean():6.2f}  Fourier {values['fourier'].mean():6.2f}  "
            f"difference {difference.mean():+.2f} (95 %: {low:+.2f} to {high:+.2f}), MACO higher in "
            f"{(difference.mean(axis=1) > 0).mean():.0%} of classes; real photos {photos:.2f}"
        )
    print(f"  pictures: {sheet(list(shown.items()), 'maco-beside-fourier')}")


if __name__ == "__main__":
    main()
