"""What classes, a shared dictionary and pictures cost on this machine, from half a minute of the real work.

Photos cost the same one by one; what follows them (dictionary, refits, importance, strategies) is a line T(n) = a + b n through
real classes, spread over all there are, that are built with few of their photos and thrown away. Classes with a dictionary of
their own and those told in the shared one are measured apart. A fit of the shared dictionary is timed at its real width, on few
rows or for few steps; of a picture a few steps are timed.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from atlas.format import Writer
from atlas.schema import SHARED, AtlasError, ImageNetClass
from precompute import activations, photos, visualize
from precompute.dictionary import Dictionary, codes_of
from precompute.photos import Photo
from precompute.pipeline import BuildContext, Crops, build_class, build_exemplars, fitted, shared_images
from precompute.progress import Silent
from precompute.visualize import encode

Group = tuple[ImageNetClass, tuple[Photo, ...]]

_WARM_UP, _LEAST_PHOTOS, _MOST_PHOTOS, _TURNS = 12, 24, 192, 13
_ASKED = 160  # photos of which it is asked whether they are recognised
_SHARED_PHOTOS, _SHOWN = 96, 8
_GOLDEN = 0.6180339887


@dataclass(frozen=True, slots=True)
class Line:
    """A cost that grows with the number of photos."""

    fixed: float
    each: float

    def __call__(self, n: int) -> float:
        """Return the cost of ``n`` photos; none cost nothing."""
        return self.fixed + self.each * n if n else 0.0

    @staticmethod
    def through(points: Sequence[tuple[int, float]]) -> Line:
        """Return the line of least squares that does not fall and starts at 0 or above; a flat one through a single n."""
        n, cost = np.array(points, float).T
        each = float(np.polyfit(n, cost, 1)[0]) if len(set(n)) > 1 else 0.0
        each = min(max(each, 0.0), float(cost.max() / n[cost.argmax()]))
        return Line(max(0.0, float(np.mean(cost - each * n))) if each else float(cost.max()), each)

    @staticmethod
    def steady(points: Sequence[tuple[int, float]]) -> Line:
        """Return a line for a cost that surely grows: that of least squares if the points are far enough apart, else the mean."""
        n, cost = np.array(points, float).T
        each, fixed = np.polyfit(n, cost, 1) if n.max() > 1.5 * n.min() else (0.0, 0.0)
        return Line(float(fixed), float(each)) if each > 0 and fixed > 0 else Line(0.0, float(cost.sum() / n.sum()))


@dataclass(frozen=True, slots=True)
class ClassCost:
    """What classes of one kind cost, by the number of their photos."""

    photo: float  # seconds of a photo and its crops
    rest: Line  # seconds of all that follows
    size: Line  # bytes

    def seconds(self, n: int) -> float:
        """Return the seconds of a class of ``n`` photos, without pictures."""
        return self.photo * n + self.rest(n)


NOTHING = ClassCost(0.0, Line(0.0, 0.0), Line(0.0, 0.0))


@dataclass(frozen=True, slots=True)
class PictureCost:
    """What a picture costs, by how many are made side by side: α + β ÷ batch seconds."""

    alpha: float
    beta: float
    batch: int  # pictures that are made side by side where there are enough
    size: int  # bytes

    def seconds(self, count: int, times: int = 1) -> float:
        """Return the seconds of ``count`` pictures that are asked for together, ``times`` over."""
        full, left = divmod(count, self.batch)
        whole = full * (self.alpha * self.batch + self.beta)
        return times * (whole + (self.alpha * left + self.beta if left else 0.0))


class Stopwatch(Silent):
    """Listens to a build, and notes how long each of its stages takes."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._stage, self._since = "", time.perf_counter()

    def stage(self, owner: str, name: str, images: int) -> None:  # noqa: D102
        now = time.perf_counter()
        self.spent[self._stage] = self.spent.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = name, now


def spread(groups: Sequence[Group]) -> list[Group]:
    """Return groups in an order whose every beginning is spread over all of them: neighbours in ImageNet are alike."""
    return [group for _, group in sorted(enumerate(groups), key=lambda entry: entry[0] * _GOLDEN % 1)]


def of_classes(context: BuildContext, groups: Sequence[Group], budget: float) -> ClassCost:
    """Measure classes of one kind for about ``budget`` seconds: one with few photos, which sets the pace, then larger ones.

    Raises:
        AtlasError: none of those tried can be built with few photos.
    """
    if not groups:
        return NOTHING
    context = dataclasses.replace(context, config=dataclasses.replace(context.config, pictures="none"))
    crops = len(context.plan.starts)
    order, enough = spread(groups), -(-8 * context.config.concepts // crops)
    cropped = _cropped(context, order)
    size, built, begin = max(_WARM_UP, enough), list[_Built](), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Writer(Path(folder) / "atlas") as writer:
        for turn in range(_TURNS):
            info, group = order[turn % len(order)]
            some = group[:: max(1, len(group) // size)][:size]  # spread over the class
            try:
                one = _build(context, writer, info, some)
            except AtlasError:
                continue
            least = max(_LEAST_PHOTOS, enough)
            if not turn:  # the first class warms up
                size, begin = least, time.monotonic()
                continue
            built.append(one)
            left, pace = budget - (time.monotonic() - begin), (one.passing + one.rest) / len(some)
            size = max(least, min(int(0.8 * left / pace), _MOST_PHOTOS))
            if pace * size > left:
                break
    if not built:
        raise AtlasError("None of the classes tried can be built with few photos: lower --concepts, or plan with more photos.")
    passing = Line.steady([(one.images, one.passing) for one in built])
    rest = Line.through([(one.photos, one.rest) for one in built])
    return ClassCost(
        photo=passing.each * (1 + crops * cropped),
        rest=dataclasses.replace(rest, fixed=rest.fixed + passing.fixed),
        size=Line.through([(one.photos, one.bytes) for one in built]),
    )


def _cropped(context: BuildContext, order: Sequence[Group]) -> float:
    """Return the share of photos that are cropped: of the fit split, and recognised; from a few of many classes."""
    asked = {group[(i // len(order)) * 7 % len(group)]: info for i in range(_ASKED) for info, group in [order[i % len(order)]]}
    decoded, right, seen = iter(context.decoder()(list(asked))), 0, 0
    while batch := list(islice(decoded, context.config.batch)):
        pixels = torch.from_numpy(np.stack([image for _, image, _ in batch])).permute(0, 3, 1, 2)
        predicted = context.extractor.photos(pixels).logits.argmax(dim=1).tolist()
        right += sum(p.split == "fit" and i == asked[p].class_index for (p, *_), i in zip(batch, predicted, strict=True))
        seen += len(batch)
    return right / seen if seen else 1.0


@dataclass(frozen=True, slots=True)
class _Built:
    """A class that was built with few photos."""

    photos: int
    images: int  # photos and crops that went through the backbone
    passing: float  # seconds
    rest: float  # seconds
    bytes: float


def _build(context: BuildContext, writer: Writer, info: ImageNetClass, some: Sequence[Photo]) -> _Built:
    watch, start = Stopwatch(), time.perf_counter()
    result = build_class(dataclasses.replace(context, reporter=watch), info, some, digest="")
    writer.stage(result)
    took, passing = time.perf_counter() - start, watch.spent["activations"]
    assert result.record
    staged = sum(p.stat().st_size for p in set(writer.root.rglob(f"{info.wnid}/**/*")) if p.is_file())
    return _Built(
        photos=len(some),
        images=len(some) + result.record.n_fit * len(context.plan.starts),
        passing=passing,
        rest=took - passing,
        bytes=float(staged),
    )


def of_shared(context: BuildContext, everything: Sequence[Photo]) -> tuple[float, int, Dictionary]:
    """Return the seconds and bytes of the shared dictionary without its pictures, and one of its width that is not finished."""
    some = photos.shuffled(fitted(everything))[:_SHARED_PHOTOS]
    start = time.perf_counter()
    A, used, geometry, which = activations.of_all(context.extractor, context.decoder()(some), n_photos=len(some))
    an_image, rows = (time.perf_counter() - start) / len(A), shared_images(context, everything)
    fit, trial = _fit(context, A, rows)
    context = dataclasses.replace(context, shared=trial)
    codes = codes_of(A, trial)[:, :_SHOWN]
    start = time.perf_counter()
    _, images = build_exemplars(context, SHARED, Crops(used, geometry, which[:, 0], which[:, 1]), codes, trial)
    shown = len(trial.atoms) / min(_SHOWN, len(trial.atoms))
    drawn = sum(map(len, (*images.heat.values(), *images.exemplars.values()))) * shown
    stored = trial.atoms.nbytes // 2 + sum(array.nbytes for array in trial.encoder.values())
    return rows * an_image + fit + shown * (time.perf_counter() - start), int(drawn + stored), trial


def _fit(context: BuildContext, A: np.ndarray, rows: int) -> tuple[float, Dictionary]:
    """Return the seconds of a fit on so many rows, and the dictionary that few of them give."""
    method, config = context.shared_method, context.config
    if whole := getattr(method, "cost", None):
        seconds, trial = whole(A, concepts=config.shared_concepts, seed=config.seed, rows=rows)
        return float(seconds), trial
    few = min(config.shared_concepts, len(A) // 2)
    start = time.perf_counter()
    trial = context.fit(A, few, method=method)
    return (time.perf_counter() - start) * rows / len(A) * config.shared_concepts / few, trial


def of_pictures(context: BuildContext, *, alone: bool) -> PictureCost:
    """Measure pictures; those that are made one at a time too, where there will be any."""
    config, preset = context.config, visualize.PRESETS[context.config.pictures]
    batch = max(1, config.picture_batch // config.picture_seeds)

    def cost(targets: int) -> tuple[float, int]:
        count = targets * config.picture_seeds
        seconds, made = visualize.cost(context.backbone, preset, spectrum=context.spectrum, batch=count)
        return seconds * config.picture_seeds, len(encode.encode_rgba(made.rgba))

    many, size = cost(batch)
    one = cost(1)[0] if alone and batch > 1 else many
    beta = max(0.0, (one - many) / (1 - 1 / batch)) if batch > 1 else 0.0
    return PictureCost(many - beta / batch, beta, batch, size)
