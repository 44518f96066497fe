"""The addresses of the tables behind a class page."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask, Response, abort

from atlas.schema import AtlasError
from atlas.site.context import Album
from atlas.site.rows import TABLES, as_csv, as_json

_TYPES = {"csv": "text/csv", "json": "application/json"}


def register(server: Flask, albums: Mapping[str, Album]) -> None:
    """Give the server the addresses of the tables."""

    def send(atlas: str, wnid: str, table: str, kind: str) -> Response:
        if atlas not in albums or table not in TABLES or kind not in _TYPES:
            abort(404)
        try:
            rows = TABLES[table](albums[atlas].store, wnid)
        except AtlasError:
            abort(404)
        return Response(as_csv(rows) if kind == "csv" else as_json(rows), mimetype=_TYPES[kind])

    server.add_url_rule("/<atlas>/export/<wnid>/<table>.<kind>", "atlas.export", send)
