"""What a build will take: photos, images, pictures, hours and bytes, from half a minute of the real work on this machine.

Time and bytes of a class grow with its photos: T(n) = a + b n, a line through real classes that are built with few photos and
thrown away; a picture costs as many steps as its preset has, a few of which are measured.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlas.schema import AtlasError, ImageNetClass
from atlas.store import Writer, imagenet_classes
from precompute import cache, maco, photos, pictures, pipeline, worker
from precompute.build import Report
from precompute.config import Config
from precompute.photos import Photo, PhotoIndex
from precompute.pipeline import Workshop
from precompute.progress import Silent
from precompute.threads import of_worker, pin

#: Seconds that measuring classes may take; pictures come on top, a few steps of them.
BUDGET = 20.0
_LEAST_PHOTOS, _MOST_PHOTOS = 12, 192
_KIND = "plans"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build will take."""

    classes: int
    photos: int
    images: int  # photos and crops through the backbone
    pictures: int
    seconds: float  # of one worker
    longest: float  # seconds of the longest class: no number of workers makes a build shorter
    bytes: int  # of the atlas
    memory: int  # bytes of a worker, at the largest class
    measured: float  # seconds that the measurement took

    def on(self, workers: int) -> float:
        """Return the seconds that so many workers like this one take."""
        return max(self.seconds / workers, self.longest)


@dataclass(frozen=True, slots=True)
class _Line:
    """A cost that grows with the number of photos."""

    fixed: float
    each: float

    def __call__(self, n: int) -> float:
        return self.fixed + self.each * n if n else 0.0

    @staticmethod
    def through(points: Sequence[tuple[int, float]]) -> _Line:
        """Return the line of least squares that does not fall and starts at 0 or above."""
        n, cost = np.array(points, float).T
        each = float(np.polyfit(n, cost, 1)[0]) if len(points) > 1 else float(cost[0] / n[0])
        each = min(max(each, 0.0), float(cost.max() / n[cost.argmax()]))
        return _Line(max(0.0, float(np.mean(cost - each * n))) if each else float(cost.max()), each)


def make(config: Config) -> Plan:
    """Measure, and return what a build with these settings will take; remember it for the end of that build.

    Raises:
        AtlasError: bad settings or input.
    """
    start = time.monotonic()
    index = photos.index(config.photos, config.sets)
    wanted = list(imagenet_classes()) if config.classes == ("all",) else pipeline.with_photos(config.classes, index)
    threads = pin(of_worker(config))
    decoders = config.workers if config.engine == "local" else threads
    workshop = worker.set_up(config, Silent(), threads=decoders or os.cpu_count() or 1)
    counts = [len(index.photos.get(c.wnid, ())) for c in wanted]
    crops = len(workshop.plan.starts)
    own = [pipeline.own_concepts(config, photos=n, crops=n * crops) for n in counts]
    n_pictures = _pictures(config, own)
    picture_seconds, picture_bytes = _a_picture(workshop) if n_pictures else (0.0, 0)
    seconds, size, fit = _classes(workshop, wanted, index)
    of_classes = [seconds(n) for n in counts]
    plan = Plan(
        classes=len(wanted),
        photos=sum(counts),
        images=sum(counts) * (1 + crops),
        pictures=n_pictures,
        seconds=sum(of_classes) + fit + n_pictures * picture_seconds,
        longest=fit + max(of_classes) + (1 + max(own)) * picture_seconds,
        bytes=int(sum(map(size, counts)) + n_pictures * picture_bytes),
        memory=_memory(workshop, max(counts)),
        measured=time.monotonic() - start,
    )
    cache.write(_KIND, _name(config), dataclasses.asdict(plan))
    return plan


def compared(config: Config, report: Report) -> str | None:
    """Return what a build took beside what was planned, if it was planned here and has done all of it in one go."""
    try:
        plan = Plan(**cache.read(_KIND, _name(config)))
    except TypeError:
        return None
    if report.failed or report.unchanged:
        return None
    planned = plan.on(max(1, config.workers)) if config.engine != "local" else plan.seconds
    size = sum(path.stat().st_size for path in config.out.rglob("*") if path.is_file())
    return (
        f"planned {duration(planned)}, took {duration(report.seconds)} ({report.seconds / max(planned, 0.1) - 1:+.0%}); "
        f"planned {plan.bytes / 1e6:.1f} MB, wrote {size / 1e6:.1f} MB"
    )


def duration(seconds: float) -> str:
    """Return a duration as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _name(config: Config) -> str:
    """Return what tells plans apart: all settings but the place of the atlas, and the machine."""
    seen = {k: str(v) for k, v in dataclasses.asdict(config).items() if k not in {"out", "cache"}} | {"host": platform.node()}
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _pictures(config: Config, own: Sequence[int]) -> int:
    """Return how many pictures there will be of classes with so many concepts of their own."""
    if config.pictures == "none":
        return 0
    return len(own) + sum(own) + (config.shared_concepts if config.scope in {"shared", "both"} else 0)


def _a_picture(workshop: Workshop) -> tuple[float, int]:
    """Return the seconds and bytes of one picture, made in batches as a build makes them."""
    config = workshop.config
    seconds, made = maco.cost(
        workshop.backbone, maco.PRESETS[config.pictures], spectrum=workshop.spectrum, batch=config.picture_batch
    )
    return seconds * config.picture_seeds, len(pictures.encode_rgba(made.rgba))


def _classes(workshop: Workshop, wanted: Sequence[ImageNetClass], index: PhotoIndex) -> tuple[_Line, _Line, float]:
    """Return what a class takes by its photos, in seconds and bytes; and the seconds of the shared dictionary."""
    workshop = dataclasses.replace(workshop, config=dataclasses.replace(workshop.config, pictures="none"))
    shown = [(c, index.photos[c.wnid]) for c in wanted if c.wnid in index.photos]
    if not shown:
        return _Line(0.0, 0.0), _Line(0.0, 0.0), 0.0
    fit = 0.0
    with tempfile.TemporaryDirectory() as folder, Writer(Path(folder) / "atlas") as writer:
        if workshop.config.scope in {"shared", "both"}:
            workshop, fit = _with_shared(workshop, [p for _, group in shown for p in group], writer)
        seconds, sizes = list[tuple[int, float]](), list[tuple[int, float]]()
        begin, size = time.monotonic(), max(_LEAST_PHOTOS, math.ceil(8 * workshop.config.concepts / len(workshop.plan.starts)))
        for turn in range(9):
            info, group = shown[turn % len(shown)]
            some = group[:: max(1, len(group) // size)][:size]  # spread over the class
            start = time.perf_counter()
            try:
                result = pipeline.build_class(workshop, info, some, digest="")
            except AtlasError:
                continue
            took = time.perf_counter() - start
            if turn:  # the first class warms up
                seconds.append((len(some), took))
                writer.stage(result)
                staged = float(sum(p.stat().st_size for p in set(Path(folder).rglob(f"{info.wnid}/**/*")) if p.is_file()))
                sizes.append((len(some), staged))
                size = min(2 * size, _MOST_PHOTOS) if turn % 2 == 0 else size
            if seconds and time.monotonic() - begin + 2 * took > BUDGET:
                break
    if not seconds:
        raise AtlasError("None of the classes tried can be built with few photos: lower --concepts, or plan with more photos.")
    return _Line.through(seconds), _Line.through(sizes), fit


def _with_shared(workshop: Workshop, everything: Sequence[Photo], writer: Writer) -> tuple[Workshop, float]:
    """Return a workshop with a small shared dictionary, and about how long the real one takes."""
    some = [p for p in photos.shuffled(everything)[:96] if p.split == "fit"]
    config = workshop.config
    crops = len(workshop.plan.starts)
    few = max(1, min(config.shared_concepts, len(some) * crops // 4))
    start = time.perf_counter()
    small = dataclasses.replace(workshop, config=dataclasses.replace(config, shared_concepts=few))
    writer.stage(pipeline.build_shared(small, some, digest=""))
    took = time.perf_counter() - start
    images = pipeline.shared_images(workshop, everything)
    shared = worker.shared_dictionary(writer, config)
    return dataclasses.replace(workshop, shared=shared), took * images / max(1, len(some) * crops)


def _memory(workshop: Workshop, largest: int) -> int:
    """Return the bytes of the largest arrays of a class: activations at every position, and of every crop (thrice, in a fit)."""
    positions, channels = math.prod(workshop.backbone.grid), workshop.backbone.channels
    return largest * channels * 4 * (positions + 3 * len(workshop.plan.starts))
