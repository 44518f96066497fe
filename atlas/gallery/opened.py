"""An atlas opened for an export: the same publish of it in every process, and what cannot be read of it is said to be its."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from atlas.gallery.site import Site
from atlas.schema import AtlasError
from atlas.store import files, untouched


def open_verified(atlas: Path, base_url: str) -> tuple[Site, str]:
    """Open an atlas that is as it was published; return it with what tells this publish from others.

    Raises:
        AtlasError: it cannot be read, was changed, or was published anew just now.
    """
    verified = untouched(atlas)
    publish = published(atlas)
    site = open_again(atlas, base_url, publish)
    if site.store.manifest != verified.manifest:
        raise _superseded(atlas)
    return site, publish


def open_again(atlas: Path, base_url: str, publish: str) -> Site:
    """Open the publish of an atlas that another process has opened.

    Raises:
        AtlasError: the atlas was published anew.
    """
    site = Site(atlas, base_url)
    refuse_newer(atlas, publish)
    return site


def published(atlas: Path) -> str:
    """Return what tells the publish of an atlas that readers see now from others."""
    return sha256(files.read_bytes(atlas, files.MANIFEST)).hexdigest()


def refuse_newer(atlas: Path, publish: str) -> None:
    """Raise AtlasError where an atlas is no longer the one that was opened."""
    if published(atlas) != publish:
        raise _superseded(atlas)


def _superseded(atlas: Path) -> AtlasError:
    return AtlasError(f"{atlas} was published anew while it was exported: run the same command again.")


@contextmanager
def reading(site: Site) -> Iterator[None]:
    """Say of an error of the system that it is the atlas's: what writes a gallery tells its own."""
    root = site.store.root
    try:
        yield
    except OSError as error:
        what = f"{error.filename} cannot be read ({error.strerror})" if error.errno else f"{root} cannot be read ({error})"
        raise AtlasError(f"{what}: run `atlas check {root}`.") from error
