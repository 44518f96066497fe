"""Which method, and how many concepts, for the dictionary shared by all classes?

Chosen on photos of the fit split alone: fitted on some, measured on others of the classes that have enough. (The holdout may
report how the choice behaves, never make it.) Explained is, of a photo's class, 1 − |residual| / |logit − bias|; the median over
photos, beside a random dictionary (unit directions of random patches, codes by non-negative least squares) of the same size.
Photos: BENCH_PHOTOS, folders with a folder a wnid.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from dataclasses import replace

import numpy as np

from atlas.format import imagenet_classes
from precompute import activations, config, photos
from precompute.analysis import metrics
from precompute.dictionary import Dictionary, codes_of, nonnegative
from precompute.network import backbone
from precompute.photos import Photo
from precompute.pipeline import BuildContext
from precompute.progress import Silent
from precompute.visualize import spectrum

SETTINGS = (("sae", 256), ("sae", 512), ("sae", 1024), ("sae", 2048), ("kmeans", 512), ("pca", 512))
PER_CLASS = 30  # fit photos, of classes that have more
MEASURED = 8  # photos a class


def _chosen(index: photos.PhotoIndex) -> tuple[list[Photo], list[Photo]]:
    """Return photos to fit on, and others to measure on."""
    fit: dict[str, list[Photo]] = defaultdict(list)
    others: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos.shuffled([p for group in index.photos.values() for p in group if p.split == "fit"]):
        (fit if len(fit[photo.wnid]) < PER_CLASS else others)[photo.wnid].append(photo)
    measured = [p for group in others.values() if len(group) >= MEASURED for p in group[:MEASURED]]
    return [p for group in fit.values() for p in group], measured


def _explained(maps: np.ndarray, codes: np.ndarray, atoms: np.ndarray, offset: np.ndarray | float, weight: np.ndarray) -> float:
    """Return 1 − |residual| / |logit − bias| of one photo; maps (position, channel)."""
    whole = float(maps.mean(axis=0) @ weight)
    told = float((codes @ atoms + offset).mean(axis=0) @ weight)
    return 1 - abs(whole - told) / max(abs(whole), 1e-9)


def main() -> None:
    """Print the table."""
    sources = [f for f in os.environ.get("BENCH_PHOTOS", "").split(":") if f]
    if not sources:
        raise SystemExit("BENCH_PHOTOS names no folder of photos (a folder a wnid).")
    fit, measured = _chosen(photos.index(sources))
    settings = config.make(photos=tuple(sources), out="bench", pictures="none", crop_input=160)
    context = BuildContext(settings, backbone.load(settings.backbone), spectrum.load(), Silent(), workers=os.cpu_count() or 1)
    A, used, *_ = activations.of_all(context.extractor, context.decoder()(fit), n_photos=len(fit))
    index = {c.wnid: c.class_index for c in imagenet_classes()}
    held = {
        wnid: activations.of_class(
            context.extractor,
            context.decoder(),
            [p for p in measured if p.wnid == wnid],
            class_index=index[wnid],
            least=0,
        ).positions
        for wnid in sorted({p.wnid for p in measured})
    }
    print(f"{len(A)} crops of {len(used)} photos; {sum(map(len, held.values()))} other photos of {len(held)} classes")
    random = np.random.default_rng(0)
    for method, concepts in SETTINGS:
        start = time.process_time()
        made = replace(context, config=replace(settings, dictionary=method)).fit(A, concepts)
        took = time.process_time() - start
        chance = A[random.choice(len(A), concepts, replace=False)]
        chance = chance / np.linalg.norm(chance, axis=1, keepdims=True)
        shares, by_chance = [], []
        for wnid, maps in held.items():
            weight, _ = context.backbone.class_head(index[wnid])
            for photo in maps:
                codes = codes_of(photo, made)
                offset = 0.0 if made.offset is None else made.offset
                shares.append(_explained(photo, codes, made.atoms, offset, weight))
                by_chance.append(_explained(photo, nonnegative.solve(photo, chance), chance, 0.0, weight))
        low, middle, high = np.quantile(shares, (0.25, 0.5, 0.75))
        silent = np.mean(~(made.codes > 0).any(axis=0))
        print(
            f"  {method:7s} {concepts:5d} concepts: explained {middle:.2f} (quartiles {low:.2f} to {high:.2f}; random atoms "
            f"{np.median(by_chance):.2f}), relative ℓ2 of crops {_relative(A, made):.2f}, silent {silent:.0%}, {took:.0f} CPU s",
            flush=True,
        )


def _relative(A: np.ndarray, made: Dictionary) -> float:
    product = made.codes @ made.atoms + (0.0 if made.offset is None else made.offset)
    return float(metrics.relative_l2(A, product))


if __name__ == "__main__":
    main()
