"""20,000 photos from tar shards: is the network kept busy, and does memory grow with the number of photos?

Photos: BENCH_PHOTOS names folders of wnid folders, separated by colons; without it, the packaged samples. Each class's photos are
written to a shard again and again until there are a thousand. One process builds one such class, another twenty; takes an hour.
``python -m tests.bench.stream [CLASSES]``
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from precompute import activations, config, photos
from precompute.commands import build
from precompute.network.backbone import Backbone
from precompute.photos import Photo
from precompute.progress import Silent
from tests.bench._photos import sources

EACH, CLASSES = 1000, 20


def shards(folder: Path, classes: int) -> None:
    """Write a shard of ``EACH`` real photos for each of so many classes, those with most photos first."""
    groups = sorted(photos.index(sources()).photos.items(), key=lambda entry: -len(entry[1]))
    for wnid, group in groups[:classes]:
        allowed = [photo for photo in group if photo.split != "holdout"]
        with tarfile.open(folder / f"{wnid}.tar", "w") as shard:
            for i, photo in zip(range(EACH), itertools.cycle(allowed), strict=False):
                _add(shard, photo, f"{wnid}/fit/{i:04d}{photo.path.suffix}")


def _add(shard: tarfile.TarFile, photo: Photo, name: str) -> None:
    shard.add(photo.path, name)


class _Clock:
    """The seconds spent in some functions, however they nest, and how many of them another clock ran meanwhile."""

    def __init__(self, other: _Clock | None = None) -> None:
        self.seconds, self.shared, self._inside, self._other = 0.0, 0.0, False, other

    def around(self, owner: Any, name: str) -> None:
        """Count the time that ``owner.name`` takes from now on."""
        function: Callable[..., Any] = getattr(owner, name)

        def counted(*given: Any, **named: Any) -> Any:
            if self._inside:
                return function(*given, **named)
            self._inside, start, before = True, time.perf_counter(), self._others()
            try:
                return function(*given, **named)
            finally:
                self._inside, self.seconds = False, self.seconds + time.perf_counter() - start
                self.shared += self._others() - before

        setattr(owner, name, counted)

    def _others(self) -> float:
        return self._other.seconds if self._other else 0.0


class _Scales(Silent):
    """Weighs this process whenever a class begins."""

    def __init__(self) -> None:
        self.weights: list[float] = []

    def stage(self, owner: str, name: str, images: int) -> None:
        if name == "activations":
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.weights.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e9)


def measure(folder: Path, classes: int) -> dict[str, Any]:
    """Build so many classes in this process; return seconds, and memory in GB: at its peak, and as every class began."""
    scales = _Scales()
    network = _Clock()
    passing = _Clock(network)
    for method in ("read", "features", "logits"):
        network.around(Backbone, method)
    passing.around(activations, "of_class")
    wnids = sorted(path.stem for path in folder.glob("*.tar"))[:classes]
    with tempfile.TemporaryDirectory() as out:
        settings = config.make(
            photos=str(folder), out=str(Path(out) / "atlas"), classes=",".join(wnids), pictures="none", publish_photos="reference"
        )
        report = build.build_atlas(settings, scales)
    assert len(report.built) == classes, report
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {
        "whole": report.seconds,
        "passing": passing.seconds,
        "passing_network": passing.shared,
        "network": network.seconds,
        "peak": peak,
        "begins": scales.weights,
    }


def main(classes: int = CLASSES) -> None:
    """Print shares of time, and memory beside that of a single class."""
    with tempfile.TemporaryDirectory() as folder:
        shards(Path(folder), classes)
        found = {}
        for count in (1, classes):
            command = [sys.executable, "-m", "tests.bench.stream", folder, str(count)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[count] = numbers = json.loads(done.stdout.splitlines()[-1])
            print(f"{count * EACH:,} photos from {count} tar shards, no pictures: {numbers['whole']:.0f} s")
            passing = numbers["passing_network"] / numbers["passing"]
            print(f"  in the backbone, of the time with photos    {passing:.3f}; budget 0.90")
            print(f"  in the backbone, of all time                {numbers['network'] / numbers['whole']:.3f}")
            print(f"  peak memory of the process                  {numbers['peak']:.2f} GB", flush=True)
        begins = found[classes]["begins"]
        print(f"peak memory, {classes} classes ÷ one: {found[classes]['peak'] / found[1]['peak']:.3f}")
        print(f"memory as the last class begins ÷ as the second does: {begins[-1] / begins[1]:.3f}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
    else:
        main(*map(int, sys.argv[1:]))
