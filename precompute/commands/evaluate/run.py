"""Measure every cell that is missing; what is measured is kept at once, so that the same call resumes."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from threadpoolctl import threadpool_limits

from atlas.format import paths
from atlas.schema import AtlasError, ImageNetClass
from precompute import photos
from precompute.commands.evaluate.cell import Cell, measure
from precompute.commands.evaluate.class_data import Subject, look
from precompute.commands.evaluate.request import ALL, Request
from precompute.network import backbone
from precompute.photos import PhotoIndex
from precompute.pipeline import BuildContext, digest, require_applicable, with_photos
from precompute.progress import Reporter
from precompute.visualize import spectrum

#: A cell takes about as long as so many images through the backbone: for the time left.
CELL_IMAGES = 200
CELLS = "cells"
_VERSION = "evaluation 3"  # of what a cell means


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every cell asked for, those that failed, and what they were measured with."""

    request: Request
    backbone: dict[str, object]
    classes: tuple[ImageNetClass, ...]
    photo_sets: tuple[str, ...]
    cells: tuple[Cell, ...]
    failed: dict[str, str]  # a class or one of its cells → why
    unchanged: int  # cells that an earlier run had measured
    seconds: float
    copies: dict[str, str] = field(default_factory=dict)  # photo key → which it is a copy of

    @property
    def skipped(self) -> dict[str, str]:
        """Photos that could not be used, and why."""
        return {key: reason for cell in self.cells for key, reason in cell.skipped.items()}


def evaluate(request: Request, reporter: Reporter) -> Evaluation:
    """Measure what is missing, and return everything asked for.

    Raises:
        AtlasError: bad settings or input. A cell that cannot be measured is reported, not raised.
    """
    start = time.monotonic()
    config = request.config
    _refuse(config.out)
    index = photos.index(config.photos, config.sets)
    for note in index.notes:
        reporter.say(f"passed over {note}")
    classes = with_photos(() if config.classes == (ALL,) else config.classes, index)
    context = BuildContext(
        config=config,
        backbone=backbone.load(config.backbone, weights=config.weights, layer=config.layer, device=config.device),
        spectrum=spectrum.load(),
        reporter=reporter,
        workers=config.workers or os.cpu_count() or 1,
    )
    used = photos.without_copies(index, [c.wnid for c in classes], workers=context.workers)
    if used.copies:
        reporter.say(f"passed over {photos.counted(used.copies)}")
    run = _Run(request, context, used)
    plans = run.plans(classes)
    try:
        run.all(plans)
    finally:
        reporter.close()
    return Evaluation(
        request=request,
        backbone=context.backbone.describe(),
        classes=tuple(classes),
        photo_sets=tuple(s.name for s in index.sets),
        cells=tuple(run.cells),
        failed=run.failed,
        unchanged=run.unchanged,
        seconds=time.monotonic() - start,
        copies=used.copies,
    )


def _refuse(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise AtlasError(f"{out} is a file: --out names the folder that the tables go into.")
    if (out / paths.MANIFEST).exists():
        raise AtlasError(f"{out} is an atlas: choose another --out for the tables.")


@dataclass(slots=True)
class _Task:
    """A cell to come: its settings, its digest, and itself once it is there."""

    context: BuildContext
    digest: str
    cell: Cell | None

    def __str__(self) -> str:
        return f"{self.context.config.dictionary}, {self.context.config.concepts} concepts"


class _Run:
    """One run: what is measured, what is left."""

    def __init__(self, request: Request, context: BuildContext, index: PhotoIndex) -> None:
        self.request, self.context, self.index = request, context, index
        self.folder = request.config.out / CELLS
        self.cells: list[Cell] = []
        self.failed: dict[str, str] = {}
        self.unchanged = 0

    def plans(self, classes: Sequence[ImageNetClass]) -> list[tuple[ImageNetClass, list[_Task]]]:
        """Return the cells of every class, those that are there filled in; AtlasError if no method applies."""
        return self._applicable([(info, self._plan(info)) for info in classes])

    def all(self, plans: Sequence[tuple[ImageNetClass, list[_Task]]]) -> None:
        """Go through the classes: take the cells that are there, measure the others."""
        left = [(info, sum(task.cell is None for task in plan)) for info, plan in plans]
        images = sum(self._images(info) + CELL_IMAGES * count for info, count in left if count)
        self.context.reporter.begin(sum(count > 0 for _, count in left), images)
        for (info, plan), (_, count) in zip(plans, left, strict=True):
            self.unchanged += len(plan) - count
            if count:
                self._measure(info, plan)
            self.cells += [task.cell for task in plan if task.cell]

    def _applicable(self, plans: list[tuple[ImageNetClass, list[_Task]]]) -> list[tuple[ImageNetClass, list[_Task]]]:
        """Leave out the methods that do not apply to these activations: each is refused once, not class by class.

        Raises:
            AtlasError: no method applies.
        """
        chosen = [photo for info, _ in plans for photo in self.index.photos[info.wnid]]
        missing = {task.context.config.dictionary: task.context for _, plan in plans for task in plan if task.cell is None}
        refused: dict[str, str] = {}
        for name, context in missing.items():
            try:
                require_applicable(context, chosen)
            except AtlasError as error:
                refused[name] = str(error)
        if refused and set(self.request.dictionaries) <= set(refused):
            raise AtlasError(next(iter(refused.values())))
        self.failed |= refused
        return [(info, [task for task in plan if task.context.config.dictionary not in refused]) for info, plan in plans]

    def _images(self, info: ImageNetClass) -> int:
        """Return how many images of a class pass through the backbone, at most."""
        return len(self.index.photos[info.wnid]) * (1 + len(self.context.plan.starts))

    def _plan(self, info: ImageNetClass) -> list[_Task]:
        each = [dataclasses.replace(self.context, config=config) for config in self.request.configs]
        digests = [digest(context, f"{_VERSION} {info.wnid}", self.index.photos[info.wnid]) for context in each]
        return [_Task(context, d, self._kept(info, context, d)) for context, d in zip(each, digests, strict=True)]

    def _path(self, info: ImageNetClass, context: BuildContext) -> Path:
        return self.folder / f"{info.wnid}-{context.config.dictionary}-{context.config.concepts}.json"

    def _kept(self, info: ImageNetClass, context: BuildContext, expected: str) -> Cell | None:
        """Return a cell that an earlier run measured under the same settings, with at least the estimators asked for."""
        try:
            cell = Cell(**json.loads(self._path(info, context).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        return cell if cell.digest == expected and set(self.request.estimators) <= set(cell.estimators) else None

    def _measure(self, info: ImageNetClass, plan: Sequence[_Task]) -> None:
        reporter, images = self.context.reporter, self._images(info)
        reporter.stage(info.name, "activations", images)
        missing = [task for task in plan if task.cell is None]
        try:
            subject = look(self.context, info, self.index.photos[info.wnid])
        except AtlasError as error:
            self.failed[f"{info.wnid} ({info.name})"] = str(error)
            reporter.finish(info.wnid, f"failed: {error}")
            return
        reporter.advance(max(0, images - subject.images))
        for task in missing:
            self._cell(subject, task)
        failed = [task for task in missing if task.cell is None]
        reporter.finish(info.wnid, f"failed: {'; '.join(map(str, failed))}" if failed else "complete")

    def _cell(self, subject: Subject, task: _Task) -> None:
        info, reporter = subject.info, self.context.reporter
        reporter.stage(info.name, str(task), CELL_IMAGES)
        try:
            with threadpool_limits(1):  # matrices this small: threads would only wait for each other
                task.cell = measure(task.context, subject, self.request.estimators, digest=task.digest)
        except AtlasError as error:
            self.failed[f"{info.wnid} ({info.name}), {task}"] = str(error)
        else:
            write(self._path(info, task.context), json.dumps(dataclasses.asdict(task.cell), indent=1))
        reporter.advance(CELL_IMAGES)


def write(path: Path, text: str) -> None:
    """Write a file in one step that a crash cannot halve."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("wb") as stream:
            stream.write(text.encode())
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
