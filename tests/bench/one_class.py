"""One class from photographs to a result, beside the bare forward passes of the same photos and crops; and its memory.

Photos: BENCH_PHOTOS names a folder of JPEGs of one class (BENCH_WNID); without it, crops of the sample dalmatian stand in.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from atlas.format import imagenet_classes
from precompute import config, photos, pipeline
from precompute.network import backbone
from precompute.pipeline import BuildContext
from precompute.progress import Silent
from precompute.visualize import spectrum

ROUNDS = 3


def _photos(count: int, folder: Path) -> tuple[str, list[photos.Photo]]:
    """Return ``count`` photos of one class, repeated if there are fewer."""
    wnid = os.environ.get("BENCH_WNID", "n02110341")
    if source := os.environ.get("BENCH_PHOTOS"):
        paths = sorted(Path(source).glob("*.[jJ][pP]*"))
    else:
        original = photos.read(next(p.path for p in photos.index([photos.SAMPLE]).photos[wnid]))
        random = np.random.default_rng(0)
        paths = []
        for i in range(min(count, 200)):
            scale = random.uniform(0.6, 1.0)
            side = int(min(original.size) * scale)
            x, y = (int(random.integers(0, extent - side + 1)) for extent in original.size)
            paths.append(folder / f"{i:04d}.jpg")
            original.crop((x, y, x + side, y + side)).resize((400, 400)).save(paths[-1], quality=90)
    chosen = [paths[i % len(paths)] for i in range(count)]
    return wnid, [photos.Photo(f"bench/{i:05d}", path, wnid, "fit", path.stat().st_size) for i, path in enumerate(chosen)]


def _context() -> BuildContext:
    settings = config.make(photos="bench", out="bench", pictures="none", concepts=10)
    return BuildContext(settings, backbone.load("tf_efficientnet_lite0"), spectrum.load(), Silent(), workers=os.cpu_count() or 1)


def _bare(context: BuildContext, n_photos: int, n_crops: int) -> float:
    """Return the seconds of nothing but forward passes of so many photos and crops."""
    net, plan = context.backbone, context.plan
    generator = torch.Generator().manual_seed(0)
    sizes = ((n_photos, net.preprocessing.input_size), (n_crops, plan.resized))
    images = [torch.rand(32, 3, size, size, generator=generator) for _, size in sizes]
    batches = [(count, x.to(memory_format=torch.channels_last)) for (count, _), x in zip(sizes, images, strict=True)]
    start = time.perf_counter()
    with torch.inference_mode():
        for count, x in batches:
            for done in range(0, count, 32):
                net.logits(x[: min(32, count - done)])
    return time.perf_counter() - start


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # GiB, on Linux


def _measure(count: int, rounds: int) -> dict[str, object]:
    context = _context()
    with tempfile.TemporaryDirectory() as folder:
        wnid, found = _photos(count, Path(folder))
        info = next(c for c in imagenet_classes() if c.wnid == wnid)
        loaded = _peak()
        _bare(context, 64, 64)
        ratios, ours, bare = [], [], []
        for _ in range(rounds):
            start = time.perf_counter()
            result = pipeline.build_class(context, info, found, digest="bench")
            ours.append(time.perf_counter() - start)
            assert result.record is not None
            bare.append(_bare(context, count, result.record.n_fit * len(context.plan.starts)))
            ratios.append(ours[-1] / bare[-1])
    return {"ratios": ratios, "ours": ours, "bare": bare, "fit": result.record.n_fit, "gib_above_backbone": _peak() - loaded}


def _alone(count: int, rounds: int) -> dict[str, object]:
    """Measure in a process of its own: peak memory is one number a process."""
    command = [sys.executable, "-m", "tests.bench.one_class", str(count), str(rounds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main() -> None:
    """Print seconds, ratio and memory beside their budgets."""
    found = _alone(200, ROUNDS)
    ratios = found["ratios"]
    assert isinstance(ratios, list)
    print(f"200 photos ({found['fit']} fitted), k = 10, no pictures, {ROUNDS} interleaved rounds:")
    print(f"  build_class {statistics.median(found['ours']):.1f} s, bare forward {statistics.median(found['bare']):.1f} s")  # type: ignore[arg-type]
    print(f"  ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); budget 1.30")
    print(f"  memory above the loaded backbone {found['gib_above_backbone']:.2f} GiB; budget 1.40 (1.5 GB)")
    large = _alone(2000, 1)
    print(f"2000 photos ({large['fit']} fitted): memory {large['gib_above_backbone']:.2f} GiB; ratio {large['ratios'][0]:.2f}")  # type: ignore[index]


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(_measure(int(sys.argv[1]), int(sys.argv[2]))))
    else:
        main()
