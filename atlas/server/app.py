"""create_app: stores in, a Dash app out. Wiring only."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import dash
from dash import Input, Output, dcc, fingerprint, html
from flask import Flask, Response, abort, g, redirect, request
from flask_compress import Compress
from werkzeug.exceptions import HTTPException

from atlas.format import Store, data_path
from atlas.schema import AtlasError
from atlas.server import callback_cache, downloads, headers, media
from atlas.server.hosts import Hosts
from atlas.server.render import live_graph, page
from atlas.server.shelf import Shelf
from atlas.site import assets
from atlas.site.components.strategies import GRAPH_SLOT
from atlas.site.context import Album
from atlas.site.document import document, message
from atlas.site.markup import markup
from atlas.site.pages.home import classes_url
from atlas.site.routes import Address, NotFound, resolve
from atlas.site.urls import home_url

#: Dash's address of the scripts of packages.
PARTS = "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>"


class _App(dash.Dash):  # type: ignore[misc]  # Dash is untyped here
    """Dash inside our own document."""

    albums: Mapping[str, Album]

    def interpolate_index(self, **parts: Any) -> str:
        """Put Dash's live graph into the page that was drawn for this request."""
        g.live = True
        live = assets.bundle() + parts["config"] + parts["scripts"] + parts["renderer"]
        return _written(g.address, g.body.replace(markup(GRAPH_SLOT), parts["app_entry"]), self.albums, scripts=live)


def create_app(
    served: Sequence[Store], *, photo_root: Path | None = None, public: bool = False, allowed_hosts: Sequence[str] = ()
) -> dash.Dash:
    """Return the app that shows some atlases.

    Args:
        served: the atlases, the first at ``/``.
        photo_root: the reader's own photos, for atlases that withhold theirs.
        public: for strangers; private photos are refused.
        allowed_hosts: names by which it may be asked, beside localhost and numbers; with a leading dot, those below, too.

    Raises:
        AtlasError: no atlas, two of the same name, a photo root that cannot be used, or a name that is none.
    """
    albums = Shelf([Album(store, photo_root) for store in served])
    _refuse(served, albums, photo_root, public)
    app = _App(
        "atlas",
        assets_folder=str(data_path("assets")),
        assets_ignore=".*",  # the document names its own
        use_pages=False,
        pages_folder="",
        title="Concept Atlas",
        update_title=None,
        serve_locally=True,
    )
    app.albums = albums
    app.server.extensions["atlas"] = list(served)
    app.layout = html.Div([dcc.Location(id="location", refresh=False), html.Div(id="graph")])
    app.callback(Output("graph", "children"), Input("location", "pathname"))(lambda path: live_graph(path or "/", albums))
    _prepare(app, albums)
    headers.register(app)
    app.server.wsgi_app = Hosts(app.server.wsgi_app, allowed_hosts)
    return app


def stores(albums: Mapping[str, Album]) -> dict[str, Store]:
    """Return the atlases by name."""
    return {name: album.store for name, album in albums.items()}


def _refuse(served: Sequence[Store], albums: Mapping[str, Album], photo_root: Path | None, public: bool) -> None:
    if not served:
        raise AtlasError("There is no atlas to show: name at least one.")
    if len(albums) < len(served):
        raise AtlasError(f"Two atlases are called alike ({', '.join(s.name for s in served)}): rename a folder.")
    if photo_root is not None and not photo_root.is_dir():
        raise AtlasError(f"--photo-root {photo_root} is not a folder.")
    if public and photo_root is not None:
        raise AtlasError("A public atlas shows no private photos: leave out --photo-root.")


def _prepare(app: dash.Dash, albums: Shelf) -> None:
    server: Flask = app.server
    server.before_request(albums.begin)
    server.config.update(
        MAX_CONTENT_LENGTH=64 * 1024,
        COMPRESS_BR_WINDOW=17,  # pages are small: a larger window costs 10 MB and saves nothing
        COMPRESS_STREAMING_ENDPOINT_CONDITIONAL=["static", "_dash_assets.static"],  # else an unchanged asset is never a 304
    )
    Compress(server)
    media.register(server, albums)
    downloads.register(server, albums)
    callback_cache.register(server, albums)
    server.before_request(lambda: _refuse_parts(app.registered_paths))
    server.add_url_rule("/health", "atlas.health", lambda: Response("ok\n", mimetype="text/plain"))
    server.add_url_rule("/ready", "atlas.ready", lambda: _ready(albums))
    server.before_request(lambda: _draw(albums))
    server.register_error_handler(HTTPException, lambda error: _error_page(error, albums))
    server.log_exception = _log  # type: ignore[method-assign,assignment]
    server.register_error_handler(AtlasError, lambda error: _apology("This page cannot be shown", str(error), albums, status=500))


def _refuse_parts(known: Mapping[str, Collection[str]]) -> None:
    """Answer 404 to scripts that no package has; Dash would raise an error."""
    if request.endpoint != PARTS:
        return
    values = request.view_args or {}
    path, _ = fingerprint.check_fingerprint(values["fingerprinted_path"])
    if path not in known.get(values["package_name"], ()):
        abort(404)


def _log(raised: Any) -> None:
    """Write one line about an error that nobody expected; whoever asked gets a page that says so."""
    kind, error = raised[:2]
    place = traceback.extract_tb(raised[2])[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    words = f"{request.method} {request.full_path[:200]!r}: {kind.__name__} at {where}: {str(error)[:200]!r}"
    logging.getLogger("atlas").error(words)


def _ready(albums: Mapping[str, Album]) -> Response:
    """Answer once every atlas can be read; reading also warms this worker."""
    counts = [f"{name}: {len(album.store.records)} classes\n" for name, album in albums.items()]
    return Response("".join(counts), mimetype="text/plain")


def _draw(albums: Mapping[str, Album]) -> Any:
    """Draw a page; Dash comes after us only where there is a graph."""
    if request.endpoint not in ("/", "/<path:path>"):
        return None
    name = request.path.strip("/")
    if request.path == "/" or (name in albums and not request.path.endswith("/")):
        return redirect(home_url(name or next(iter(albums))))
    try:
        g.address = resolve(request.path, stores(albums))
    except NotFound as error:
        return _apology("Not found", str(error), albums, status=404, atlas=error.atlas, hint=error.hint)
    g.body = markup(page(g.address, albums))
    return None if markup(GRAPH_SLOT) in g.body else Response(_written(g.address, g.body, albums), mimetype="text/html")


def _written(address: Address, body: str, albums: Mapping[str, Album], *, scripts: str = "") -> str:
    return document(
        body,
        title=address.title,
        atlas=address.store.name,
        atlases=list(albums),
        head=assets.styles(),
        scripts=assets.scripts(address.kind) + scripts,
        query=request.args.get("q", "") if address.kind == "home" else "",
        index=classes_url(albums[address.store.name]),
    )


def _error_page(error: HTTPException, albums: Mapping[str, Album]) -> Any:
    if error.code is None or error.code < 400:
        return error
    return _apology(error.name, error.description or "", albums, status=error.code)


def _apology(
    title: str, explanation: str, albums: Mapping[str, Album], *, status: int, atlas: str | None = None, hint: str = ""
) -> Response:
    atlas = atlas or next(iter(albums))
    body = message(title, explanation, atlas=atlas, hint=hint)
    text = document(
        body,
        title=f"{title} · Concept Atlas",
        atlas=atlas,
        atlases=list(albums),
        head=assets.styles(),
        scripts=assets.scripts(),
        index=classes_url(albums[atlas]),
    )
    return Response(text, status=status, mimetype="text/html")
