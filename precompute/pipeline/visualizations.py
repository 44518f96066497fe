"""Feature visualizations of classes and concepts: taken from the album, or made in batches and kept there."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from atlas.schema import ImageNetClass, Pictures
from precompute import visualize
from precompute.pipeline.context import BuildContext
from precompute.visualize import encode
from precompute.visualize.cache import PictureCache, key
from precompute.visualize.plausibility import ENOUGH, Plausibility

_COMPARED = 1000  # real crops, at most, that pictures are compared with


def visualize_concepts(
    context: BuildContext, owner: str, class_index: int | None, atoms: np.ndarray | None, real: np.ndarray | None = None
) -> Pictures:
    """Make the feature visualizations of a class (if named) and of the atoms (if any).

    Of several seeds the best is kept, by objective × plausibility where there are ``real`` activations (crop, channel) to
    compare with.
    """
    config = context.config
    if config.pictures == "none":
        return Pictures()
    if context.given:
        return context.given.pictures(owner)
    wanted = [] if class_index is None else [_portrait(context, owner, class_index)]
    wanted += [visualize.Target(_seed(context, owner, i), direction=v) for i, v in enumerate(() if atoms is None else atoms)]
    compared = real[:_COMPARED] if real is not None and len(real) >= ENOUGH and config.picture_seeds > 1 else None
    found = _painted(context, owner, wanted, compared)
    class_picture = None if class_index is None else found.pop(0)
    return Pictures(class_picture=class_picture, concepts=dict(enumerate(found)))


def visualize_ahead(context: BuildContext, classes: Sequence[ImageNetClass]) -> None:
    """Make the pictures of many classes side by side, where there is a folder to keep them in.

    A class without concepts of its own asks for one picture, and one by itself costs over half more than one of eight. Not where
    the best of several seeds is kept: that may depend on the photos of the class.
    """
    config = context.config
    if config.cache and context.given is None and config.pictures != "none" and config.picture_seeds == 1:
        _painted(context, "all classes", [_portrait(context, c.wnid, c.class_index) for c in classes], None)


def _portrait(context: BuildContext, owner: str, class_index: int) -> visualize.Target:
    return visualize.Target(_seed(context, owner, -1), class_index=class_index)


def _painted(context: BuildContext, owner: str, wanted: Sequence[visualize.Target], compared: np.ndarray | None) -> list[bytes]:
    """Return the encoded picture of each target."""
    config = context.config
    preset = visualize.PRESETS[config.pictures]
    album = PictureCache(Path(config.cache) if config.cache else None)
    keys = [
        key(context.backbone, context.spectrum, target, preset, seeds=config.picture_seeds, real=compared) for target in wanted
    ]
    painted = {k: data for k in keys if (data := album.get(k)) is not None}
    missing = [(k, target) for k, target in zip(keys, wanted, strict=True) if k not in painted]
    context.reporter.stage(owner, "pictures", len(missing) * config.picture_seeds * preset.steps * preset.crops)
    plausibility = None if compared is None else Plausibility(compared)
    at_once = max(1, config.picture_batch // config.picture_seeds)
    for start in range(0, len(missing), at_once):
        batch = missing[start : start + at_once]
        for (k, _), made in zip(batch, _best(context, [target for _, target in batch], preset, plausibility), strict=True):
            painted[k] = encode.encode_rgba(made.rgba)
            if made.failed:
                context.reporter.say(f"{owner}: a picture was given up, {made.failed}.")
            else:
                album.put(k, painted[k])
    return [painted[k] for k in keys]


def _best(
    context: BuildContext, targets: Sequence[visualize.Target], preset: visualize.Preset, plausibility: Plausibility | None
) -> list[visualize.Visualization]:
    """Return the best picture of each target, of as many seeds as the settings want."""
    seeds = context.config.picture_seeds
    made = visualize.visualize(
        context.backbone,
        [dataclasses.replace(target, seed=(target.seed + i) % 2**32) for target in targets for i in range(seeds)],
        spectrum=context.spectrum,
        preset=preset,
        on_step=lambda count: context.reporter.advance(count * preset.crops),
    )
    return [visualize.rank_visualizations(made[i : i + seeds], plausibility)[0] for i in range(0, len(made), seeds)]


def _seed(context: BuildContext, owner: str, index: int) -> int:
    """Return a seed of a picture's own, so that a picture depends on no other."""
    return int.from_bytes(hashlib.sha256(f"{context.config.seed}/{owner}/{index}".encode()).digest()[:4], "big")
