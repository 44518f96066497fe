"""Serving: ``serve`` for the command line, or gunicorn.

    gunicorn --preload -k atlas.server.wsgi.Buffered 'atlas.server.wsgi:application("ATLAS")'

Other workers of gunicorn serve the same; but with them a client that sends its request slowly holds one of a few threads.
"""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
from dash import Dash
from flask import Flask
from gunicorn.app.base import BaseApplication

from atlas.format import Store, untouched
from atlas.schema import AtlasError
from atlas.server.app import create_app
from atlas.server.buffered import Buffered
from atlas.site.urls import class_url, home_url

__all__ = ["Buffered", "application", "serve"]

_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # of mallopt


def application(*atlases: str, photo_root: str | None = None, allowed_hosts: Sequence[str] = ()) -> Flask:
    """Return the WSGI application for some atlases, ready to answer.

    Raises:
        AtlasError: one cannot be read, or its tables are not those that were published.
    """
    _spare_memory()
    stores = open_stores([Path(atlas) for atlas in atlases])
    app = create_app(stores, photo_root=Path(photo_root) if photo_root else None, allowed_hosts=allowed_hosts)
    return ready_server(app)


def ready_server(app: Dash) -> Flask:
    """Do now what Dash would do at the first request."""
    app._setup_server()
    server: Flask = app.server
    return server


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, server: Flask, settings: dict[str, Any]) -> None:
        self._server, self._settings = server, settings
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._server


def serve(server: Flask, *, host: str, port: int, workers: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Args:
        server: the application.
        host: where to listen.
        port: where to listen; 0 takes a free one.
        workers: processes, each with several threads.
        ready: called with the address once it answers.

    Raises:
        AtlasError: the address cannot be used.
    """
    host = host.strip("[]")
    port = free(host, port)
    place = f"[{host}]" if ":" in host else host
    shown = f"http://{'localhost' if host in ('0.0.0.0', '::') else place}:{port}/"
    settings = {
        "bind": f"{place}:{port}",
        "workers": workers,
        "worker_class": Buffered,
        "preload_app": True,
        "control_socket_disable": True,
        "loglevel": "warning",
        "post_worker_init": lambda _: Thread(target=_warm, args=(server,), daemon=True).start(),
        "when_ready": lambda _: ready(shown),
    }
    _spare_memory()
    known = _Server(server, {}).cfg.settings
    _Server(server, {name: value for name, value in settings.items() if name in known}).run()


def _warm(server: Flask) -> None:
    """Look at every front page and one class page, so that the first reader need not wait for what is read once."""
    client = server.test_client()
    for store in server.extensions["atlas"]:
        for path in (home_url(store.name), *(class_url(store.name, wnid) for wnid in islice(store.records, 1))):
            client.get(path)


def _spare_memory() -> None:
    """Keep freed memory together, and give large pieces back: by default every thread has a heap, and Arrow one beside it."""
    pa.set_memory_pool(pa.system_memory_pool())
    with suppress(OSError, AttributeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(_M_ARENA_MAX, 2)
        library.mallopt(_M_MMAP_THRESHOLD, 12 << 20)  # else heaps keep what a large photo took


def free(host: str, port: int) -> int:
    """Return the port, or a free one for 0.

    Raises:
        AtlasError: something else listens there, or the host is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AtlasError(f"Cannot listen on {host}:{port} ({error.strerror}): choose another --port or --host.") from error
        return int(probe.getsockname()[1])


def open_stores(atlases: Sequence[Path]) -> list[Store]:
    """Open every atlas.

    Raises:
        AtlasError: one cannot be read, or its tables are not those that were published.
    """
    return [untouched(atlas) for atlas in atlases]
