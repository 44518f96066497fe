"""Feature visualization: ours, Horama, and the bare forward and backward passes, interleaved in one run, on the same work.

Same steps, crops, picture size, crop input, box, magnitude spectrum and mean noise. Horama is run twice: on timm's network as its
users would have it, and on our folded one. Photos for the distance to real ones: BENCH_PHOTOS (see ``_judge``).
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path

import numpy as np
import timm
import torch
from torch import Tensor

from precompute import visualize
from precompute.network.allocator import reusing_memory
from precompute.network.backbone import Backbone
from precompute.network.weights import with_weights
from precompute.visualize import PRESETS, Target, spectrum
from tests.bench._judge import Judge, Verdict
from tests.bench._pictures import sheet, spread

CLASSES = (497, 574, 566, 953, 130, 71, 251, 355)  # church, golf ball, French horn, pineapple, flamingo, scorpion, …
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
BESIDE = 3  # of them a round, that the peer pictures too: it takes one at a time, and long
PRESET = PRESETS["quick"]
BATCH = 8


def ours(judge: Judge, seed: int, classes: tuple[int, ...]) -> tuple[float, list[np.ndarray]]:
    """Return seconds a picture, and the pictures."""
    targets = [Target(seed, class_index=c) for c in classes]
    start = time.perf_counter()
    made = visualize.visualize(judge.own, targets, spectrum=spectrum.load(), preset=PRESET)
    return (time.perf_counter() - start) / len(targets), [v.rgba for v in made]


def bare(net: Backbone) -> float:
    """Return seconds of forward and backward passes of as many crops as a picture takes, in batches of as many as ours."""
    x = torch.rand(BATCH * PRESET.crops, 3, PRESET.crop_input, PRESET.crop_input, generator=torch.Generator().manual_seed(0))
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    steps = PRESET.steps // 4  # a quarter of the work: they are all alike
    with reusing_memory():
        start = time.perf_counter()
        for _ in range(steps):
            net.logits(x)[1][:, 0].sum().backward()
    return (time.perf_counter() - start) / steps * PRESET.steps / BATCH


def horama(logits: Callable[[Tensor], Tensor], seed: int, class_index: int) -> tuple[float, np.ndarray]:
    """Return seconds, and the picture, of Horama 0.3.0."""
    from horama import maco as peer

    low, high = PRESET.box
    torch.manual_seed(seed)
    start = time.perf_counter()
    with redirect_stderr(StringIO()):  # its progress bar
        image, _ = peer(
            lambda crops: logits(crops)[:, class_index].mean(),
            total_steps=PRESET.steps,
            image_size=PRESET.size,
            model_input_size=PRESET.crop_input,
            noise=statistics.mean(PRESET.noise),
            values_range=(-1.0, 1.0),
            crops_per_iteration=PRESET.crops,
            box_size=(2 * low - high, low),  # it draws sides from b to 2b − a
            device="cpu",
        )
    return time.perf_counter() - start, (image.detach().permute(1, 2, 0).numpy() + 1) / 2


@contextmanager
def our_spectrum() -> Iterator[None]:
    """Lay our spectrum where Horama looks for its own, which it would download."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "spectrum_decorrelated.npy", spectrum.load().resized(PRESET.size))
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


def _line(name: str, seconds: list[float], ratios: dict[str, list[float]], verdicts: list[Verdict]) -> None:
    parts = [f"{name:32s} {spread(seconds)} s"] + [f"{spread(values)} × {of}" for of, values in ratios.items()]
    if verdicts:
        for what in ("logit", "probability", "transfer_logit", "transfer_probability", "distance"):
            values = [getattr(v, what) for v in verdicts]
            parts.append(f"{what.replace('_', ' ')} {statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}")
    print("  " + "; ".join(parts), flush=True)


def main() -> None:
    """Print the table, and write the contact sheet."""
    judge = Judge()
    plain = with_weights("tf_efficientnet_lite0", "package")[0].eval().requires_grad_(False)
    peers: dict[str, Callable[[Tensor], Tensor]] = {
        "Horama, on timm's network": plain,
        "Horama, on the folded network": lambda x: judge.own.logits(x)[1],
    }
    times: dict[str, list[float]] = {name: [] for name in ("ours", "bare", *peers)}
    pictures: dict[str, list[np.ndarray]] = {name: [] for name in ("ours", *peers)}
    verdicts: dict[str, list[Verdict]] = {name: [] for name in pictures}
    bare(judge.own)
    for seed in range(ROUNDS):
        beside = [(seed * BESIDE + i) % len(CLASSES) for i in range(BESIDE)]
        took, made = ours(judge, seed, CLASSES)
        times["ours"].append(took)
        found = {"ours": [made[i] for i in beside]}
        times["bare"].append(bare(judge.own))
        with our_spectrum():
            for name, logits in peers.items():
                results = [horama(logits, seed, CLASSES[i]) for i in beside]
                times[name].append(statistics.mean(took for took, _ in results))
                found[name] = [picture for _, picture in results]
        for name, row in found.items():
            pictures[name] += row
            verdicts[name] += [judge(picture, CLASSES[i]) for i, picture in zip(beside, row, strict=True)]
    p = PRESET
    print(f"{p.size} px, {p.steps} steps × {p.crops} crops of {p.crop_input} px, box {p.box}, batches of {BATCH}; {ROUNDS} seeds")
    for name in times:
        ratios = {of: [a / b for a, b in zip(times[name], times[of], strict=True)] for of in ("bare", *peers) if name == "ours"}
        _line(name, times[name], ratios, verdicts.get(name, []))
    print(
        f"  peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB (all of them in it)"
    )
    print(f"  timm {timm.__version__}, torch {torch.__version__}; budget: ours ≤ 1.25 × bare, ≤ 0.4 × Horama, no lower logit")
    print(f"  pictures: {sheet(list(pictures.items()), 'maco-beside-horama')}")


if __name__ == "__main__":
    main()
