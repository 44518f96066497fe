"""An atlas opened for an export: the same publish of it in every process, and what cannot be read of it is said to be its."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atlas.export.page_writer import Site
from atlas.format import untouched
from atlas.schema import AtlasError


def open_verified(atlas: Path, base_url: str) -> Site:
    """Open an atlas that is as it was published.

    Raises:
        AtlasError: it cannot be read, was changed, or was published anew just now.
    """
    return open_snapshot(atlas, base_url, untouched(atlas).snapshot)


def open_snapshot(atlas: Path, base_url: str, snapshot: str) -> Site:
    """Open the publish of an atlas that was opened elsewhere, too.

    Raises:
        AtlasError: the atlas was published anew.
    """
    site = Site(atlas, base_url)
    if site.store.snapshot != snapshot:
        raise _superseded(atlas)
    return site


def _superseded(atlas: Path) -> AtlasError:
    return AtlasError(f"{atlas} was published anew while it was exported: run the same command again.")


@contextmanager
def reading(site: Site) -> Iterator[None]:
    """Say of an error of the system that it is the atlas's: what writes a gallery tells its own.

    Raises:
        AtlasError: the atlas cannot be read, or not any more, since it was published anew.
    """
    root = site.store.root
    try:
        yield
    except OSError as error:
        what = f"{error.filename} cannot be read ({error.strerror})" if error.errno else f"{root} cannot be read ({error})"
        raise AtlasError(f"{what}: run `atlas check {root}`.") from error
    except AtlasError as error:
        if site.store.superseded():
            raise _superseded(root) from error
        raise
    except Exception as error:  # tables that vouch for each other and still make no sense: in ways nobody can list
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise AtlasError(f"{root} cannot be shown ({said}): run `atlas check {root}`.") from error
