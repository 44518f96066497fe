"""export: an atlas in, a folder of pages out; only what changed is written, by as many processes as there are cores."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

from atlas import __version__
from atlas.gallery import classes, front
from atlas.gallery.addresses import PAGE
from atlas.gallery.digests import digests
from atlas.gallery.folder import Folder
from atlas.gallery.site import Site
from atlas.schema import SHARED, AtlasError
from atlas.store import untouched

#: Called with what was done and all there is to do, in classes.
Progress = Callable[[int, int], None]

_BATCH = 20  # classes a process takes at a time
_ALONE = 24  # up to so many, starting other processes takes longer than they save


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did."""

    pages: int
    written: int  # classes; the shared concepts count as one
    kept: int


def export(
    atlas: Path, out: Path, *, base_url: str = "", workers: int | None = None, progress: Progress = lambda done, of: None
) -> Exported:
    """Write an atlas as a gallery.

    Args:
        atlas: the folder of the atlas.
        out: the folder of the gallery; it may hold an older one.
        base_url: where it will be published; without it there is no sitemap, and pages do not name their own address.
        workers: processes; None: one a core.
        progress: told how far it is.

    Raises:
        AtlasError: the atlas cannot be read or was changed since it was published, or ``out`` holds something else.
    """
    base_url = _checked(base_url)
    atlas, out = atlas.resolve(), out.resolve()
    if out == atlas or atlas in out.parents:
        raise AtlasError(f"{out} lies inside the atlas: choose another OUT.")
    site = Site(untouched(atlas).root, base_url)
    with _reading(site):
        wanted = digests(site)
    with Folder(out) as folder:
        kept = [unit for unit, digest in wanted.items() if folder.digests.get(unit) == digest and _keep(site, folder, unit)]
        todo = [unit for unit in wanted if unit not in set(kept)]
        progress(len(kept), len(wanted))
        try:
            for done in _written(todo, site, folder.staging, workers or _cores()):
                progress(len(kept) + done, len(wanted))
            pages = sorted(path.relative_to(folder.staging).as_posix() for path in folder.staging.rglob(PAGE))
            with _reading(site):
                count = len(pages) + front.write_front(site, folder.staging, pages)
            folder.publish(wanted, {"atlas": site.store.name, "version": __version__, "base_url": base_url})
        except BrokenProcessPool as error:
            raise AtlasError("A process that wrote pages was ended, perhaps for memory: fewer --workers need less.") from error
        except OSError as error:
            raise AtlasError(f"{out} cannot be written ({error.strerror}): nothing was changed there.") from error
    return Exported(pages=count, written=len(todo), kept=len(kept))


def _checked(base_url: str) -> str:
    if not base_url:
        return ""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise AtlasError(f"--base-url {base_url!r} is no address of a folder: give one like https://example.org/atlas/.")
    return base_url.rstrip("/") + "/"


def _keep(site: Site, folder: Folder, unit: str) -> bool:
    there = [part for part in classes.parts(unit) if (folder.out / part).exists()]
    return all((folder.out / file).exists() for file in classes.needed(site, unit)) and folder.keep(there)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _written(units: Sequence[str], site: Site, staging: Path, workers: int) -> Iterator[int]:
    """Write classes; yield how many are done."""
    if workers == 1 or len(units) <= _ALONE:
        for i, unit in enumerate(units):
            _write(site, [unit], staging)
            yield i + 1
        return
    batches = [units[i : i + _BATCH] for i in range(0, len(units), _BATCH)]
    done, atlas, base_url = 0, site.store.root, site.addresses.base_url
    with ProcessPoolExecutor(min(workers, len(batches)), mp_context=get_context("spawn")) as pool:
        running = [pool.submit(_write_elsewhere, atlas, base_url, batch, staging) for batch in batches]
        try:
            for finished in as_completed(running):
                done += finished.result()
                yield done
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@cache
def _opened(atlas: Path, base_url: str) -> Site:
    """Open an atlas once a process."""
    return Site(atlas, base_url)


def _write_elsewhere(atlas: Path, base_url: str, units: Sequence[str], staging: Path) -> int:
    """Write some classes. Pages are trees, freed without the collector, whose searches would cost a fifth of the time."""
    site = _opened(atlas, base_url)
    gc.freeze()
    gc.disable()
    try:
        return _write(site, units, staging)
    finally:
        gc.enable()


def _write(site: Site, units: Sequence[str], staging: Path) -> int:
    for unit in units:
        with _reading(site):
            if unit == SHARED:
                classes.write_shared(site, staging)
            else:
                classes.write_class(site, unit, staging)
    return len(units)


@contextmanager
def _reading(site: Site) -> Iterator[None]:
    """Tell an atlas that cannot be read from a gallery that cannot be written."""
    root = site.store.root
    try:
        yield
    except OSError as error:
        if error.errno and not str(error.filename).startswith(str(root)):
            raise
        what = f"{error.filename} cannot be read ({error.strerror})" if error.errno else f"{root} cannot be read ({error})"
        raise AtlasError(f"{what}: run `atlas check {root}`.") from error
