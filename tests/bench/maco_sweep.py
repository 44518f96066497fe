"""Compute × quality of feature visualizations: the sweep behind the first presets, over real classes and real concepts.

Every setting makes the same pictures: a dozen classes, and two NMF concepts of each of four of them. Compute is CPU time (all
cores together), which other work disturbs less than the clock; quality is what ``_judge`` says, and for concepts the
cosine on the whole picture beside that of the best real crops. Photos: BENCH_PHOTOS (see ``_judge``).
"""

from __future__ import annotations

import csv
import resource
import statistics
import sys
from dataclasses import replace

import numpy as np

from precompute import visualize
from precompute.visualize import Preset, Target, spectrum
from tests.bench._judge import Judge
from tests.bench._pictures import OUT, sheet

CLASSES = (497, 574, 566, 953, 130, 71, 251, 355, 701, 571, 951, 327)
WITH_CONCEPTS, EACH = (497, 566, 130, 327), 2
SHOWN = 6  # classes, and as many concepts, on the contact sheet
_BASE = Preset(
    size=256, crop_input=160, steps=64, crops=4, box=(0.5, 1.0), centre_sd=0.2, noise=(0.4, 0.1), contrast=1.8, phase_sd=1.0
)
SETTINGS: dict[str, Preset] = {
    "96 px, 48 × 4": replace(_BASE, size=224, crop_input=96, steps=48, box=(0.6, 1.0)),
    "128 px, 24 × 4": replace(_BASE, size=224, crop_input=128, steps=24, box=(0.6, 1.0)),
    "128 px, 32 × 4": replace(_BASE, size=224, crop_input=128, steps=32, box=(0.6, 1.0)),
    "128 px, 48 × 4": replace(_BASE, size=224, crop_input=128, steps=48, box=(0.6, 1.0)),
    "128 px, 48 × 4, contrast 1.5": replace(_BASE, size=224, crop_input=128, steps=48, box=(0.6, 1.0), contrast=1.5),
    "128 px, 96 × 2": replace(_BASE, size=224, crop_input=128, steps=96, crops=2, box=(0.6, 1.0)),
    "128 px, 96 × 4": replace(_BASE, crop_input=128, steps=96),
    "160 px, 48 × 4": replace(_BASE, steps=48),
    "160 px, 64 × 4": _BASE,
    "160 px, 64 × 4, contrast 1.5": replace(_BASE, contrast=1.5),
    "160 px, 64 × 4, contrast 2.2": replace(_BASE, contrast=2.2),
    "160 px, 64 × 4, noise 0.6 → 0.1": replace(_BASE, noise=(0.6, 0.1)),
    "160 px, 64 × 4, noise 0.1": replace(_BASE, noise=(0.1, 0.1)),
    "160 px, 64 × 4, box 0.3–1": replace(_BASE, box=(0.3, 1.0)),
    "160 px, 96 × 5": replace(_BASE, steps=96, crops=5),
    "192 px, 96 × 4": replace(_BASE, crop_input=192, steps=96),
}
FIELDS = ("cpu_seconds", "logit", "probability", "transfer_logit", "transfer_probability", "distance", "cosine")


def _targets(judge: Judge, seed: int) -> tuple[list[Target], float]:
    """Return what is pictured, and the mean cosine of the three best real crops of each concept."""
    targets = [Target(seed, class_index=c) for c in CLASSES]
    best = []
    for c in WITH_CONCEPTS:
        atoms, cosines = judge.concepts(c)
        targets += [Target(seed, direction=atom) for atom in atoms[:EACH]]
        best += [float(np.sort(row)[-3:].mean()) for row in cosines[:EACH]]
    return targets, statistics.mean(best)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print and write the table (CSV), and the contact sheet."""
    judge = Judge()
    targets, real = _targets(judge, seed=0)
    magnitude, rows, pictures = spectrum.load(), [], []
    print(f"{len(CLASSES)} classes, {len(targets) - len(CLASSES)} concepts (their best real crops: cosine {real:.2f})")
    for name, preset in SETTINGS.items():
        start = _cpu()
        made = visualize.visualize(judge.own, targets, spectrum=magnitude, preset=preset)
        used = (_cpu() - start) / len(targets)
        verdicts = [judge(v.rgba, c) for v, c in zip(made, CLASSES, strict=False)]
        means = {f: statistics.mean(getattr(v, f) for v in verdicts) for f in FIELDS[1:-1]}
        cosine = statistics.mean(v.objective for v in made[len(CLASSES) :])
        rows.append({"setting": name, "cpu_seconds": used, **means, "cosine": cosine})
        print(f"  {name:34s} " + "  ".join(f"{f} {rows[-1][f]:.2f}" for f in FIELDS), flush=True)
        shown = [*made[:SHOWN], *made[len(CLASSES) : len(CLASSES) + SHOWN]]
        pictures.append((f"{name}: {used:.1f} CPU s, logit {means['logit']:.1f}", [v.rgba for v in shown]))
        print(f"  {sheet(pictures, 'maco-sweep')}", file=sys.stderr)
    with (OUT / "maco-sweep.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, ["setting", *FIELDS])
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    main()
