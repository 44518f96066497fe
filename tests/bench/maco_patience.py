"""Does stopping early lose anything? The same pictures with and without patience, at three times the steps of ``fine``.

Photos: BENCH_PHOTOS (see ``_judge``).
"""

from __future__ import annotations

import statistics
from dataclasses import replace

import numpy as np

from precompute import visualize
from precompute.visualize import PRESETS, Target, spectrum
from tests.bench._judge import Judge

CLASSES = (497, 566, 130, 953, 71, 327)
WITH_CONCEPTS, EACH = (497, 130), 2
LONG = replace(PRESETS["fine"], steps=3 * PRESETS["fine"].steps)
PATIENCES = (0, 16, 32)


def main() -> None:
    """Print, for every patience, the steps made and what was reached."""
    judge = Judge()
    targets = [Target(0, class_index=c) for c in CLASSES]
    targets += [Target(0, direction=atom) for c in WITH_CONCEPTS for atom in judge.concepts(c)[0][:EACH]]
    for patience in PATIENCES:
        made = visualize.visualize(judge.own, targets, spectrum=spectrum.load(), preset=replace(LONG, patience=patience))
        verdicts = [judge(v.rgba, c) for v, c in zip(made, CLASSES, strict=False)]
        steps = [v.steps for v in made]
        print(
            f"  patience {patience:2d}: steps {min(steps)} to {max(steps)}, mean {np.mean(steps):.0f} of {LONG.steps}; "
            f"logit {statistics.mean(v.logit for v in verdicts):.2f}, "
            f"transfer logit {statistics.mean(v.transfer_logit for v in verdicts):.2f}, "
            f"cosine {statistics.mean(v.objective for v in made[len(CLASSES) :]):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
