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
from pathlib import Path

import numpy as np

from atlas.schema import SHARED, AtlasError, ImageNetClass
from atlas.store import Writer
from precompute import activations, maco, photos, pictures
from precompute.dictionary import Dictionary
from precompute.photos import Photo
from precompute.pipeline import Crops, Workshop, build_class, fitted, shared_images, show
from precompute.progress import Silent

Group = tuple[ImageNetClass, tuple[Photo, ...]]

_LEAST_PHOTOS, _MOST_PHOTOS = 12, 192
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


def of_classes(workshop: Workshop, groups: Sequence[Group], budget: float) -> ClassCost:
    """Measure classes of one kind for about ``budget`` seconds.

    Raises:
        AtlasError: none of those tried can be built with few photos.
    """
    if not groups:
        return NOTHING
    workshop = dataclasses.replace(workshop, config=dataclasses.replace(workshop.config, pictures="none"))
    passing, rest, sizes = list[tuple[int, float]](), list[tuple[int, float]](), list[tuple[int, float]]()
    order, size = spread(groups), max(_LEAST_PHOTOS, -(-8 * workshop.config.concepts // len(workshop.plan.starts)))
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Writer(Path(folder) / "atlas") as writer:
        for turn in range(13):
            info, group = order[turn % len(order)]
            some = group[:: max(1, len(group) // size)][:size]  # spread over the class
            watch, start = Stopwatch(), time.perf_counter()
            try:
                writer.stage(build_class(dataclasses.replace(workshop, reporter=watch), info, some, digest=""))
            except AtlasError:
                continue
            took = time.perf_counter() - start
            if turn:  # the first class warms up
                passing.append((len(some), watch.spent["activations"]))
                rest.append((len(some), took - watch.spent["activations"]))
                staged = sum(p.stat().st_size for p in set(Path(folder).rglob(f"{info.wnid}/**/*")) if p.is_file())
                sizes.append((len(some), float(staged)))
                size = min(2 * size, _MOST_PHOTOS) if turn % 2 == 0 else size
            if rest and time.monotonic() - begin + 2 * took > budget:
                break
    if not rest:
        raise AtlasError("None of the classes tried can be built with few photos: lower --concepts, or plan with more photos.")
    n, seconds = np.array(passing, float).T
    return ClassCost(float(seconds.sum() / n.sum()), Line.through(rest), Line.through(sizes))


def of_shared(workshop: Workshop, everything: Sequence[Photo]) -> tuple[float, int, Dictionary]:
    """Return the seconds and bytes of the shared dictionary without its pictures, and one of its width that is not finished."""
    some = photos.shuffled(fitted(everything))[:_SHARED_PHOTOS]
    start = time.perf_counter()
    A, used, geometry, which = activations.of_all(workshop.extractor, workshop.decoder()(some), n_photos=len(some))
    an_image, rows = (time.perf_counter() - start) / len(A), shared_images(workshop, everything)
    fit, trial = _fit(workshop, A, rows)
    workshop = dataclasses.replace(workshop, shared=trial)
    codes = workshop.encode(A, trial)[:, :_SHOWN]
    start = time.perf_counter()
    _, images = show(workshop, SHARED, Crops(used, geometry, which[:, 0], which[:, 1]), codes, trial)
    shown = len(trial.atoms) / min(_SHOWN, len(trial.atoms))
    drawn = sum(map(len, (*images.heat.values(), *images.exemplars.values()))) * shown
    stored = trial.atoms.nbytes // 2 + sum(array.nbytes for array in trial.encoder.values())
    return rows * an_image + fit + shown * (time.perf_counter() - start), int(drawn + stored), trial


def _fit(workshop: Workshop, A: np.ndarray, rows: int) -> tuple[float, Dictionary]:
    """Return the seconds of a fit on so many rows, and the dictionary that few of them give."""
    method, config = workshop.shared_method, workshop.config
    if whole := getattr(method, "cost", None):
        seconds, trial = whole(A, concepts=config.shared_concepts, seed=config.seed, rows=rows)
        return float(seconds), trial
    few = min(config.shared_concepts, len(A) // 2)
    start = time.perf_counter()
    trial = workshop.fit(A, few, method=method)
    return (time.perf_counter() - start) * rows / len(A) * config.shared_concepts / few, trial


def of_pictures(workshop: Workshop, *, alone: bool) -> PictureCost:
    """Measure pictures; those that are made one at a time too, where there will be any."""
    config, preset = workshop.config, maco.PRESETS[workshop.config.pictures]
    batch = max(1, config.picture_batch // config.picture_seeds)

    def cost(targets: int) -> tuple[float, int]:
        count = targets * config.picture_seeds
        seconds, made = maco.cost(workshop.backbone, preset, spectrum=workshop.spectrum, batch=count)
        return seconds * config.picture_seeds, len(pictures.encode_rgba(made.rgba))

    many, size = cost(batch)
    one = cost(1)[0] if alone and batch > 1 else many
    beta = max(0.0, (one - many) / (1 - 1 / batch)) if batch > 1 else 0.0
    return PictureCost(many - beta / batch, beta, batch, size)
