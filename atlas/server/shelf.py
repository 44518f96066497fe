"""The atlases that are served, each as it was published last; a request sees one publish from its beginning to its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from flask import g, has_request_context

from atlas.format import Store, untouched
from atlas.schema import AtlasError
from atlas.site.context import Album

Seen = tuple[tuple[int, int, int] | None, ...]


class Shelf(Mapping[str, Album]):
    """Albums by name. Inside a request they are those that stood here when it began.

    What is kept of a publish (answers, names, lists) is kept in its album, and goes with it.

    Args:
        albums: of atlases with different names.
        reopen: opens the atlas of a folder again.
    """

    def __init__(self, albums: Sequence[Album], reopen: Callable[[Path], Store] = untouched) -> None:
        self._albums = {album.store.name: album for album in albums}
        self._reopen = reopen
        self._failed: dict[str, Seen] = {}
        self._one_at_a_time = threading.Lock()

    def __getitem__(self, name: str) -> Album:
        return self._now()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def _now(self) -> Mapping[str, Album]:
        return g.get("shelf", self._albums) if has_request_context() else self._albums

    def begin(self) -> None:
        """Begin a request: exchange every album whose atlas was published anew, then hold on to what stands here."""
        if self._one_at_a_time.acquire(blocking=False):  # others need not wait for what is being opened
            try:
                for name, album in self._albums.items():
                    if album.store.superseded():
                        self._exchange(name, album)
            finally:
                self._one_at_a_time.release()
        g.shelf = self._albums

    def _exchange(self, name: str, old: Album) -> None:
        """Put a new album in the place of an old one; keep that if the new cannot be opened, until its folder changes again."""
        root = old.store.root
        seen = _seen(root)
        if self._failed.get(name) == seen:
            return
        try:
            store = self._reopen(root)
            if store.name != name:
                raise AtlasError(f"{root} is called {store.name} now: start the server again.")
        except AtlasError as error:
            self._failed[name] = seen
            logging.getLogger("atlas").error("%s was published anew and is still shown as it was: %s", name, error)
            return
        self._failed.pop(name, None)
        self._albums = self._albums | {name: Album(store, old.photo_root)}


def _seen(root: Path) -> Seen:
    """Return what changes whenever something is published: which manifests there are."""
    return tuple(_identity(path) for path in (root / "manifest.json", root / ".commit" / "manifest.json"))


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
