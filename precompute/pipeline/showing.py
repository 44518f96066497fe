"""What people look at: exemplars with their heat maps, and feature visualizations."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from atlas.schema import Concept, Exemplar, Pictures
from atlas.store import imagenet_classes
from precompute import exemplars, maco, pictures, relations
from precompute.dictionary import Dictionary
from precompute.photos import Geometry, Photo, as_input, read
from precompute.pipeline.album import Album, key
from precompute.pipeline.workshop import Workshop
from precompute.plausibility import ENOUGH, Plausibility

Box = tuple[int, int, int, int]
_COMPARED = 1000  # real crops, at most, that pictures are compared with


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Where rows of crop activations come from."""

    photos: Sequence[Photo]
    geometry: Sequence[Geometry]
    photo: np.ndarray  # (crop,) which photo
    number: np.ndarray  # (crop,) which crop of the plan


def show(
    workshop: Workshop, owner: str, source: Crops, codes: np.ndarray, dictionary: Dictionary
) -> tuple[tuple[Exemplar, ...], Pictures]:
    """Choose exemplars from codes (crop, concept); draw their heat maps, and the crops too if photos may be published."""
    chosen = exemplars.choose(codes, source.photo, source.number)
    plan = workshop.plan
    boxes = [source.geometry[c.photo].box(*plan.starts[c.crop], plan.side) for c in chosen]
    found = tuple(
        Exemplar(f"{owner}/{c.concept}", c.rank, source.photos[c.photo].key, box, c.code)
        for c, box in zip(chosen, boxes, strict=True)
    )
    workshop.reporter.stage(owner, "exemplars", len(chosen))
    cut = _cutter(workshop)
    with ThreadPoolExecutor(workshop.workers) as pool:
        crops = list(pool.map(lambda c, box: cut(source.photos[c.photo], c.crop, box), chosen, boxes))
    return found, _strips(workshop, chosen, crops, dictionary)


def _cutter(workshop: Workshop) -> Callable[[Photo, int, Box], tuple[np.ndarray, Image.Image]]:
    """Return a function that cuts a crop twice: as the network saw it, and from the original for people."""
    p, plan = workshop.backbone.preprocessing, workshop.plan

    def cut(photo: Photo, number: int, box: Box) -> tuple[np.ndarray, Image.Image]:
        original = read(photo)
        pixels, _ = as_input(original, size=p.input_size, crop_pct=p.crop_pct, interpolation=p.interpolation)
        x, y = plan.starts[number]
        left, top, width, height = box
        return pixels[y : y + plan.side, x : x + plan.side], original.crop((left, top, left + width, top + height))

    return cut


def _strips(
    workshop: Workshop,
    chosen: Sequence[exemplars.Choice],
    crops: Sequence[tuple[np.ndarray, Image.Image]],
    dictionary: Dictionary,
) -> Pictures:
    rows: dict[int, list[int]] = {}
    for i, choice in enumerate(chosen):
        rows.setdefault(choice.concept, []).append(i)
    heat = _heat(workshop, [pixels for pixels, _ in crops], chosen, dictionary)
    embed = workshop.config.publish_photos == "embed"
    return Pictures(
        heat={concept: pictures.heat_strip(heat[mine]) for concept, mine in rows.items()},
        exemplars={concept: pictures.strip([crops[i][1] for i in mine]) for concept, mine in rows.items() if embed},
    )


def _heat(
    workshop: Workshop, pixels: Sequence[np.ndarray], chosen: Sequence[exemplars.Choice], dictionary: Dictionary
) -> np.ndarray:
    """Return the codes of each crop's own concept at every position (crop, height, width)."""
    if not chosen:
        return np.zeros((0, 1, 1), np.float32)
    maps = workshop.extractor.crop_maps(np.stack(pixels))
    crops, height, width, channels = maps.shape
    codes = workshop.encode(maps.reshape(-1, channels), dictionary).reshape(crops, height * width, -1)
    concept = np.array([c.concept for c in chosen])
    return np.asarray(codes[np.arange(crops), :, concept].reshape(crops, height, width))


def paint(
    workshop: Workshop, owner: str, class_index: int | None, atoms: np.ndarray | None, real: np.ndarray | None = None
) -> Pictures:
    """Make the feature visualizations of a class (if named) and of the atoms (if any).

    Of several seeds the best is kept, by objective × plausibility where there are ``real`` activations (crop, channel) to
    compare with.
    """
    config = workshop.config
    if config.pictures == "none":
        return Pictures()
    wanted = [] if class_index is None else [maco.Target(_seed(workshop, owner, -1), class_index=class_index)]
    wanted += [maco.Target(_seed(workshop, owner, i), direction=v) for i, v in enumerate(() if atoms is None else atoms)]
    preset = maco.PRESETS[config.pictures]
    album = Album(Path(config.cache) if config.cache else None)
    compared = real[:_COMPARED] if real is not None and len(real) >= ENOUGH and config.picture_seeds > 1 else None
    keys = [key(workshop, target, preset, seeds=config.picture_seeds, real=compared) for target in wanted]
    painted = {k: data for k in keys if (data := album.get(k)) is not None}
    missing = [(k, target) for k, target in zip(keys, wanted, strict=True) if k not in painted]
    workshop.reporter.stage(owner, "pictures", len(missing) * config.picture_seeds * preset.steps * preset.crops)
    plausibility = None if compared is None else Plausibility(compared)
    at_once = max(1, config.picture_batch // config.picture_seeds)
    for start in range(0, len(missing), at_once):
        batch = missing[start : start + at_once]
        for (k, _), made in zip(batch, _best(workshop, [target for _, target in batch], preset, plausibility), strict=True):
            painted[k] = pictures.encode_rgba(made.rgba)
            if made.failed:
                workshop.reporter.say(f"{owner}: a picture was given up, {made.failed}.")
            else:
                album.put(k, painted[k])
    found = [painted[k] for k in keys]
    class_picture = None if class_index is None else found.pop(0)
    return Pictures(class_picture=class_picture, concepts=dict(enumerate(found)))


def _best(
    workshop: Workshop, targets: Sequence[maco.Target], preset: maco.Preset, plausibility: Plausibility | None
) -> list[maco.Visualization]:
    """Return the best picture of each target, of as many seeds as the settings want."""
    seeds = workshop.config.picture_seeds
    made = maco.visualize(
        workshop.backbone,
        [dataclasses.replace(target, seed=(target.seed + i) % 2**32) for target in targets for i in range(seeds)],
        spectrum=workshop.spectrum,
        preset=preset,
        on_step=lambda count: workshop.reporter.advance(count * preset.crops),
    )
    return [maco.best_first(made[i : i + seeds], plausibility)[0] for i in range(0, len(made), seeds)]


def _seed(workshop: Workshop, owner: str, index: int) -> int:
    """Return a seed of a picture's own, so that a picture depends on no other."""
    return int.from_bytes(hashlib.sha256(f"{workshop.config.seed}/{owner}/{index}".encode()).digest()[:4], "big")


def with_aligned(workshop: Workshop, concepts: Sequence[Concept], atoms: np.ndarray) -> tuple[Concept, ...]:
    """Fill in the classes whose head weights point along each atom."""
    head = workshop.backbone.linear_head
    if head is None:
        return tuple(concepts)
    return relations.with_aligned(concepts, atoms, head.weight.cpu().numpy(), [c.wnid for c in imagenet_classes()])
