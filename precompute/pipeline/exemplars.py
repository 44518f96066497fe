"""What people see of a concept in photos: exemplars with their heat maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from atlas.format import imagenet_classes
from atlas.schema import AtlasError, Concept, Exemplar, Pictures
from precompute.analysis import exemplars, relations
from precompute.dictionary import Dictionary, codes_of
from precompute.photos import Geometry, Photo, Unusable, ahead, read
from precompute.pipeline.context import BuildContext
from precompute.visualize import encode

Box = tuple[int, int, int, int]
Cut = tuple[np.ndarray, Image.Image]


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """Where rows of crop activations come from."""

    photos: Sequence[Photo]
    geometry: Sequence[Geometry]
    photo: np.ndarray  # (crop,) which photo
    number: np.ndarray  # (crop,) which crop of the plan


def build_exemplars(
    context: BuildContext, owner: str, source: Crops, codes: np.ndarray, dictionary: Dictionary
) -> tuple[tuple[Exemplar, ...], Pictures]:
    """Choose exemplars from codes (crop, concept); draw their heat maps, and the crops too if photos may be published."""
    chosen = exemplars.choose(codes, source.photo, source.number)
    plan = context.plan
    boxes = [source.geometry[c.photo].box(*plan.starts[c.crop], plan.side) for c in chosen]
    found = tuple(
        Exemplar(f"{owner}/{c.concept}", c.rank, source.photos[c.photo].key, box, c.code)
        for c, box in zip(chosen, boxes, strict=True)
    )
    context.reporter.stage(owner, "exemplars", len(chosen))
    wanted = [(source.photos[c.photo], c.crop, box) for c, box in zip(chosen, boxes, strict=True)]
    crops = [_again(photo.key, result) for (photo, *_), result in ahead(_cutter(context), wanted, workers=context.workers)]
    return found, _strips(context, chosen, crops, dictionary)


def _again(name: str, result: Callable[[str], Cut]) -> Cut:
    """Return what was cut from a photo that could be read before.

    Raises:
        AtlasError: it can no more.
    """
    try:
        return result(name)
    except Unusable as error:
        raise AtlasError(f"{name} could be read a moment ago, and no more ({error}).") from error


def _cutter(context: BuildContext) -> Callable[[tuple[Photo, int, Box]], Cut]:
    """Return a function that cuts a crop twice: as the network saw it, and from the original for people."""
    as_input, plan = context.backbone.preprocessing.as_input, context.plan

    def cut(wanted: tuple[Photo, int, Box]) -> Cut:
        photo, number, box = wanted
        original = read(photo)
        pixels, _ = as_input(original)
        x, y = plan.starts[number]
        left, top, width, height = box
        return pixels[y : y + plan.side, x : x + plan.side], original.crop((left, top, left + width, top + height))

    return cut


def _strips(
    context: BuildContext,
    chosen: Sequence[exemplars.Choice],
    crops: Sequence[Cut],
    dictionary: Dictionary,
) -> Pictures:
    rows: dict[int, list[int]] = {}
    for i, choice in enumerate(chosen):
        rows.setdefault(choice.concept, []).append(i)
    heat = _heat(context, [pixels for pixels, _ in crops], chosen, dictionary)
    embed = context.config.publish_photos == "embed"
    return Pictures(
        heat={concept: encode.heat_strip(heat[mine]) for concept, mine in rows.items()},
        exemplars={concept: encode.strip([crops[i][1] for i in mine]) for concept, mine in rows.items() if embed},
    )


def _heat(
    context: BuildContext, pixels: Sequence[np.ndarray], chosen: Sequence[exemplars.Choice], dictionary: Dictionary
) -> np.ndarray:
    """Return the codes of each crop's own concept at every position (crop, height, width)."""
    if not chosen:
        return np.zeros((0, 1, 1), np.float32)
    maps = context.extractor.crop_maps(np.stack(pixels))
    crops, height, width, channels = maps.shape
    codes = codes_of(maps.reshape(-1, channels), dictionary).reshape(crops, height * width, -1)
    concept = np.array([c.concept for c in chosen])
    return np.asarray(codes[np.arange(crops), :, concept].reshape(crops, height, width))


def with_aligned(context: BuildContext, concepts: Sequence[Concept], atoms: np.ndarray) -> tuple[Concept, ...]:
    """Fill in the classes whose head weights point along each atom."""
    head = context.backbone.linear_head
    if head is None:
        return tuple(concepts)
    return relations.with_aligned(concepts, atoms, head.weight.cpu().numpy(), [c.wnid for c in imagenet_classes()])
