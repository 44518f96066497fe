"""What is drawn, to take away: tables, pictures, a citation."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dash import html

from atlas import __version__

_KINDS = ("csv", "json")


def export_url(atlas: str, wnid: str, file: str) -> str:
    """Return the address of a table of a class."""
    return f"/{quote(atlas)}/export/{wnid}/{file}"


def class_exports(atlas: str, wnid: str, *, photos: bool) -> Any:
    """Offer the tables behind a class page."""
    tables = ("concepts", "photos") if photos else ("concepts",)
    return html.P([part for table in tables for part in _table(atlas, wnid, table)], className="exports")


def _table(atlas: str, wnid: str, table: str) -> list[Any]:
    links = []
    for kind in _KINDS:
        file = f"{table}.{kind}"
        said = [html.Span(f"{table} as ", className="sr"), kind.upper()]
        links.append(html.A(said, href=export_url(atlas, wnid, file), **{"download": f"{wnid}-{file}"}))
    return [html.Span(f"all {table}:"), *links]


def graph_exports() -> Any:
    """Offer the strategy graph as a file; the browser makes it."""
    buttons = [html.Button(kind.upper(), type="button", **{"data-save": kind}) for kind in ("svg", "png")]
    return html.P([html.Span("save the graph:"), *buttons], className="exports")


def citation(*, key: str, title: str, path: str, backbone: str, created: str) -> Any:
    """Offer a BibTeX entry; the browser completes the address."""
    entry = (
        f"@misc{{concept-atlas-{key.replace('/', '-')},\n"
        f"  title = {{{title}}},\n"
        f"  howpublished = {{Concept Atlas {__version__}, {backbone}}},\n"
        f"  year = {{{created[:4]}}},\n"
        f"  note = {{{key}}},\n"
        f"  url = {{"
    )
    body = html.Pre([entry, html.Span(path, className="permalink"), "}\n}"])
    return html.Details([html.Summary("cite, link"), body], className="explain cite")
