"""Answers of the one callback, kept ready: they depend on nothing but the path, and most readers ask for the same graphs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, abort, g, request

from atlas.site.context import Album

PATH = "/_dash-update-component"
KEPT = 32  # answers of an atlas, 10 to 100 KB each
_LONGEST = 200  # characters of a path
_ASKED = {"output": "graph.children", "outputs": {"id": "graph", "property": "children"}}
_QUERY = {"endId"}  # Dash's own, for callbacks in the background
_CHANGED: tuple[list[str], ...] = ([], ["location.pathname"])


def register(server: Flask, albums: Mapping[str, Album]) -> None:
    """Refuse callbacks that no page sends, and answer one that was answered before without computing anything."""

    def again() -> Response | None:
        if request.path != PATH:
            return None
        if request.method != "POST":
            abort(405)
        plain = request.mimetype == "application/json" and set(request.args) <= _QUERY
        path = asked_path(request.get_data()) if plain else None
        if path is None:
            abort(400, "No page asks for this.")
        g.asked = path, albums.get(path.split("/")[1] if "/" in path else "")
        return _kept()

    def keep(response: Response) -> Response:
        if "asked" in g and response.status_code == 200 and not response.is_streamed:
            path, album = g.asked
            if album is not None:
                album.answers[path] = response.get_data()
                while len(album.answers) > KEPT:
                    album.answers.popitem(last=False)
        return response

    server.before_request(again)
    server.after_request(keep)


def _kept() -> Response | None:
    path, album = g.asked
    content = album.answers.get(path) if album is not None else None
    return None if content is None else Response(content, mimetype="application/json")


def asked_path(body: bytes) -> str | None:
    """Return the path of the page that asks for its graph; None: this is nothing that a page sends."""
    try:
        asked: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(asked, dict) or set(asked) - {*_ASKED, "inputs", "changedPropIds", "parsedChangedPropsIds"}:
        return None
    given = asked.get("inputs")
    path = given[0].get("value") if isinstance(given, list) and len(given) == 1 and isinstance(given[0], dict) else None
    if not isinstance(path, str) or len(path) > _LONGEST:
        return None
    fixed = {key: asked.get(key) for key in _ASKED} == _ASKED
    changed = all(asked.get(key, []) in _CHANGED for key in ("changedPropIds", "parsedChangedPropsIds"))
    exact = given == [{"id": "location", "property": "pathname", "value": path}]
    return path if fixed and changed and exact else None
