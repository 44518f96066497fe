"""Processes that write classes: each opens the atlas and the gallery itself, and none outlives the export that started it."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

from atlas.export import class_files
from atlas.export.opened import open_snapshot, reading
from atlas.export.page_writer import Site
from atlas.export.staged import Staged
from atlas.schema import SHARED, AtlasError

_BATCH = 20  # classes a process takes at a time
_ALONE = 24  # up to so many, starting other processes takes longer than they save


@dataclass(frozen=True, slots=True)
class Task:
    """What all processes of an export have in common.

    Args:
        atlas: the folder of the atlas.
        snapshot: which publish of it is exported, as Store.snapshot tells.
        base_url: where the gallery will be published.
        staging: the folder it is written into.
        out: where it will lie.
    """

    atlas: Path
    snapshot: str
    base_url: str
    staging: Path
    out: Path


def cores() -> int:
    """Return how many processes can work at a time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write_all(units: Sequence[str], site: Site, staged: Staged, task: Task, workers: int) -> Iterator[int]:
    """Write classes; yield how many are done.

    Raises:
        AtlasError: the atlas cannot be read or was published anew, the gallery cannot be written, or a process was ended.
    """
    if workers == 1 or len(units) <= _ALONE:
        for i, unit in enumerate(units):
            write(site, [unit], staged)
            yield i + 1
        return
    batches, done = [units[i : i + _BATCH] for i in range(0, len(units), _BATCH)], 0
    try:
        with ProcessPoolExecutor(
            min(workers, len(batches)), mp_context=get_context("spawn"), initializer=_end_with_parent
        ) as pool:
            running = {pool.submit(_write_elsewhere, task, batch): len(batch) for batch in batches}
            try:
                for finished in as_completed(running):
                    staged.files.update(finished.result())
                    done += running[finished]
                    yield done
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    except BrokenProcessPool as error:
        raise AtlasError("A process that wrote pages was ended, perhaps for memory: fewer --workers need less.") from error


def write(site: Site, units: Sequence[str], staged: Staged) -> None:
    """Write some classes."""
    for unit in units:
        with reading(site):
            if unit == SHARED:
                class_files.write_shared(site, staged)
            else:
                class_files.write_class(site, unit, staged)


def _end_with_parent() -> None:
    """Have this process end as soon as the one that started it has, however that ended."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


@cache
def _opened(atlas: Path, base_url: str, snapshot: str) -> Site:
    """Open an atlas once a process."""
    return open_snapshot(atlas, base_url, snapshot)


def _write_elsewhere(task: Task, units: Sequence[str]) -> dict[str, str]:
    """Write some classes; return their files. Pages are trees, freed without the collector, which costs a fifth of the time."""
    site = _opened(task.atlas, task.base_url, task.snapshot)
    gc.freeze()
    gc.disable()
    try:
        with Staged(task.staging, task.out) as staged:
            write(site, units, staged)
            return staged.files
    finally:
        gc.enable()
