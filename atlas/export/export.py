"""export: an atlas in, a folder of pages out; only what changed is written, by as many processes as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from atlas import __version__
from atlas.export import site_files
from atlas.export.fingerprints import digests
from atlas.export.opened import open_verified, reading
from atlas.export.output import Folder, placed
from atlas.export.rewrite_urls import PAGE
from atlas.export.workers import Task, cores, write_all
from atlas.schema import AtlasError

#: Called with what was done and all there is to do, in classes.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did."""

    pages: int
    written: int  # classes; the shared concepts count as one
    kept: int
    stayed: tuple[str, ...] = ()  # lines on files that somebody changed, and that stay so


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
        AtlasError: the atlas cannot be read, was changed since it was published or is published anew meanwhile; ``out`` holds
            something else, is a link, cannot be written, or is being written by another export.
    """
    base_url = _checked(base_url)
    atlas, out = Path(os.path.realpath(atlas)), placed(out)
    if out == atlas or atlas in out.parents:
        raise AtlasError(f"{out} lies inside the atlas: choose another OUT.")
    site = open_verified(atlas, base_url)
    with reading(site):
        wanted = digests(site)
    with Folder(out) as folder:
        kept = {unit for unit, digest in wanted.items() if folder.keep(unit, digest)}
        todo = [unit for unit in wanted if unit not in kept]
        progress(len(kept), len(wanted))
        task = Task(atlas, site.store.snapshot, base_url, folder.staging, out)
        for done in write_all(todo, site, folder.staged, task, workers or cores()):
            progress(len(kept) + done, len(wanted))
        pages = sorted(name for name in folder.files if name.endswith(f"/{PAGE}"))
        with reading(site):
            count = len(pages) + site_files.write_front(site, folder.staged, pages)
        stayed = folder.publish(wanted, {"atlas": site.store.name, "version": __version__, "base_url": base_url})
    return Exported(count, len(todo), len(kept), stayed)


def _checked(base_url: str) -> str:
    if not base_url:
        return ""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise AtlasError(f"--base-url {base_url!r} is no address of a folder: give one like https://example.org/atlas/.")
    return base_url.rstrip("/") + "/"
