"""What a build will take: photos, images, pictures, hours and bytes, from half a minute of the real work on this machine.

What is not counted: the relations between classes at the end, and publishing; minutes, where a build takes days.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from atlas.format import imagenet_classes
from precompute import cache, photos, pipeline
from precompute.commands.build import Report
from precompute.commands.plan import measure
from precompute.commands.plan.measure import ClassCost, Group
from precompute.config import Config
from precompute.engine import worker
from precompute.engine.threads import of_worker, pin
from precompute.pipeline import BuildContext
from precompute.progress import Silent

#: Seconds that measuring classes may take; a shared dictionary and pictures come on top, a few steps of them.
BUDGET = 20.0
_KIND = "plans"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a build will take."""

    classes: int
    photos: int
    images: int  # photos and crops through the backbone
    pictures: int
    start: float  # seconds until the first class begins
    shared: float  # seconds of the shared dictionary, which the driver makes alone
    work: float  # seconds of all classes, which workers divide
    longest: float  # seconds of the longest class: no number of workers makes a build shorter
    bytes: int  # of the atlas
    memory: int  # bytes of a worker, at the largest class
    measured: float  # seconds that the measurement took

    def on(self, workers: int) -> float:
        """Return the seconds that so many workers like this one take."""
        return self.start + self.shared + max(self.work / workers, self.longest)


def make(config: Config) -> Plan:
    """Measure, and return what a build with these settings will take; remember it for the end of that build.

    Raises:
        AtlasError: bad settings or input.
    """
    begin, config = time.monotonic(), config.absolute()
    index = photos.index(config.photos, config.sets)
    wanted = list(imagenet_classes()) if config.classes == ("all",) else pipeline.with_photos(config.classes, index)
    threads = pin(of_worker(config))
    decoders = config.workers if config.engine == "local" else threads
    context = worker.set_up(config, Silent(), threads=decoders or os.cpu_count() or 1)
    start = time.monotonic() - begin
    everything = [photo for group in index.photos.values() for photo in group]
    shared, shared_bytes, images = 0.0, 0, 0
    if config.scope in {"shared", "both"}:
        shared, shared_bytes, trial = measure.of_shared(context, everything)
        context, images = dataclasses.replace(context, shared=trial), pipeline.shared_images(context, everything)
    groups: list[Group] = [(info, index.photos.get(info.wnid, ())) for info in wanted]
    crops = len(context.plan.starts)
    own = [pipeline.own_concepts(config, photos=len(group), crops=len(group) * crops) for _, group in groups]
    kinds = _kinds(context, groups, own)
    counts = [len(group) for _, group in groups]
    seconds = [kinds[bool(k)].seconds(n) for n, k in zip(counts, own, strict=True)]
    painting, shared_painting, n_pictures, picture_bytes = _pictures(context, own)
    seconds = [took + pictures for took, pictures in zip(seconds, painting, strict=True)]
    plan = Plan(
        classes=len(wanted),
        photos=sum(counts),
        images=sum(counts) * (1 + crops) + images,
        pictures=n_pictures,
        start=start + (_another_process() + start if config.engine != "local" else 0.0),
        shared=shared + shared_painting,
        work=sum(seconds),
        longest=max(seconds),
        bytes=int(sum(kinds[bool(k)].size(n) for n, k in zip(counts, own, strict=True)) + picture_bytes + shared_bytes),
        memory=_memory(context, max(counts)),
        measured=time.monotonic() - begin,
    )
    cache.write(_KIND, _name(config), dataclasses.asdict(plan))
    return plan


def _kinds(context: BuildContext, groups: Sequence[Group], own: Sequence[int]) -> dict[bool, ClassCost]:
    """Return what classes with concepts of their own (True) and those told in shared ones (False) cost."""
    kinds = {kind: [g for g, k in zip(groups, own, strict=True) if g[1] and bool(k) == kind] for kind in (True, False)}
    total = sum(len(group) for _, group in groups) or 1
    found = {}
    for kind, members in kinds.items():
        share = sum(len(group) for _, group in members) / total
        found[kind] = measure.of_classes(context, members, BUDGET * min(max(share, 0.25), 1.0))
    return found


def _pictures(context: BuildContext, own: Sequence[int]) -> tuple[list[float], float, int, int]:
    """Return seconds of the pictures of every class and of the shared concepts, their number and their bytes."""
    config = context.config
    if config.pictures == "none":
        return [0.0] * len(own), 0.0, 0, 0
    ahead = config.cache and config.engine == "local" and config.picture_seeds == 1
    cost = measure.of_pictures(context, alone=not ahead)
    portrait = cost.seconds(cost.batch) / cost.batch
    each = [(portrait + cost.seconds(k) if k else portrait) if ahead else cost.seconds(1 + k) for k in own]
    shared = config.shared_concepts if config.scope in {"shared", "both"} else 0
    count = len(own) + sum(own) + shared
    return each, cost.seconds(shared), count, count * cost.size


def _another_process() -> float:
    """Return the seconds that a process takes to become one that can work."""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", "import precompute.engine.worker"], check=True)
    return time.monotonic() - start


def compared(config: Config, report: Report) -> str | None:
    """Return what a build took beside what was planned, if it was planned here and has done all of it in one go."""
    try:
        plan = Plan(**cache.read(_KIND, _name(config.absolute())))
    except TypeError:
        return None
    if report.failed or report.unchanged or plan.photos != report.photos:
        return None
    size = sum(path.stat().st_size for path in config.out.rglob("*") if path.is_file())
    workers = config.workers if config.engine != "local" else 1
    planned = plan.on(workers or 1)
    off = f" ({report.seconds / max(planned, 0.1) - 1:+.0%})" if workers else ""
    return (
        f"planned {duration(planned)}{'' if workers else ' of one worker'}, took {duration(report.seconds)}{off}; "
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


def _memory(context: BuildContext, largest: int) -> int:
    """Return the bytes of the largest arrays of a class: activations at every position, and of every crop (thrice, in a fit)."""
    positions, channels = math.prod(context.backbone.grid), context.backbone.channels
    return largest * channels * 4 * (positions + 3 * len(context.plan.starts))
