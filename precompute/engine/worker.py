"""What builds one class after another, in this process or as a worker elsewhere."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atlas.format import Writer
from atlas.schema import SHARED, AtlasError, Result
from precompute import photos, pipeline
from precompute.config import Config
from precompute.dictionary import Dictionary
from precompute.engine.base import Job, Task
from precompute.network import backbone
from precompute.network.allocator import give_back
from precompute.pipeline import BuildContext
from precompute.progress import Reporter
from precompute.visualize import spectrum

#: Threads that decode photos for a GPU: one decodes 170 to 390 a second (short sides of 348 and 256 pixels, one CPU core).
_GPU_DECODERS = 8


def set_up(config: Config, reporter: Reporter, *, threads: int) -> BuildContext:
    """Load what every class needs.

    Raises:
        AtlasError: a backbone, weights, a device or given dictionaries that cannot be used.
    """
    net = backbone.load(config.backbone, weights=config.weights, layer=config.layer, device=config.device)
    return BuildContext(
        config=config,
        backbone=net,
        spectrum=spectrum.load(),
        reporter=reporter,
        workers=threads,
        given=pipeline.given(config, net),
    )


def shared_dictionary(writer: Writer, config: Config) -> Dictionary:
    """Return the shared dictionary of an atlas that is being written, as it is stored."""
    arrays = writer.dictionary(SHARED)
    atoms, offset = arrays.pop("atoms"), arrays.pop("offset", None)
    return Dictionary(config.shared_dictionary or config.dictionary, atoms=atoms, offset=offset, encoder=arrays)


@dataclass(frozen=True, slots=True)
class MakeTask:
    """Makes a worker's task. Where it was made it uses the context that is there; sent elsewhere it sets up one of its own.

    Raises:
        AtlasError: (elsewhere) a photo folder cannot be seen, or the backbone has other weights than the driver's.
    """

    context: BuildContext | None
    config: Config
    shared: Dictionary | None
    weights_sha256: str
    threads: int

    def __call__(self, reporter: Reporter) -> Task:
        """Return the function that builds a class."""
        context = self.context or self._set_up(reporter)
        context = dataclasses.replace(context, shared=self.shared)

        def build(job: Job) -> Result:
            try:
                return pipeline.build_class(context, job.info, job.photos, digest=job.digest)
            finally:
                give_back()

        return build

    def _set_up(self, reporter: Reporter) -> BuildContext:
        for source in self.config.photos:
            if source != photos.SAMPLE and not Path(source).exists():
                raise AtlasError(f"it does not see the photos in {source}: mount them there, under the same name.")
        context = set_up(self.config, reporter, threads=self.threads)
        if context.backbone.device.type == "cuda":
            context = dataclasses.replace(context, workers=max(self.threads, min(_GPU_DECODERS, os.cpu_count() or 1)))
        if (found := context.backbone.weights["sha256"]) != self.weights_sha256:
            raise AtlasError(f"its {self.config.backbone} has other weights ({found[:12]}…) than the driver's.")
        return context

    def __reduce__(self) -> tuple[Any, ...]:
        return MakeTask, (None, self.config, self.shared, self.weights_sha256, self.threads)
