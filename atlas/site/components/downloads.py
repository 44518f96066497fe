"""What is drawn, to take away: tables, pictures, an id, a link, a citation. The browser makes the files (``assets/save.js``)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from dash import html

from atlas import __version__

_KINDS = ("csv", "json")
CHART = ("svg", "png", "csv", "json")


def export_url(atlas: str, wnid: str, file: str) -> str:
    """Return the address of a table of a class."""
    return f"/{quote(atlas)}/export/{wnid}/{file}"


def table_links(atlas: str, wnid: str, table: str) -> Any:
    """Offer a whole table of a class."""
    links = []
    for kind in _KINDS:
        file = f"{table}.{kind}"
        said = [html.Span(f"{table} as ", className="sr"), kind.upper()]
        links.append(html.A(said, href=export_url(atlas, wnid, file), **{"download": f"{wnid}-{file}"}))
    return html.P([html.Span(f"all {table}:"), *links], className="exports")


def graph_exports() -> Any:
    """Offer the strategy graph as a file; the browser makes it."""
    buttons = [html.Button(kind.upper(), type="button", **{"data-save": kind}) for kind in ("svg", "png")]
    return html.P([html.Span("save the graph:"), *buttons], className="exports")


def exports(name: str, *kinds: str, of: str = "") -> Any:
    """Offer what a view draws as files; a script fills this in, so that nothing is offered where none runs.

    Args:
        name: of the view, and of its files.
        kinds: "svg", "png": what is drawn; "csv", "json": the numbers behind it.
        of: a selector of the element that draws, and that holds ``data-rows`` (``rows``) if the view has no script.
    """
    marks = {"data-exports": name, "data-kinds": " ".join(kinds), **({"data-of": of} if of else {})}
    return html.P(className="exports", hidden=True, **marks)


def rows(columns: Sequence[str], values: Iterable[Sequence[Any]]) -> dict[str, str]:
    """Return the attribute that carries the numbers of a chart, six digits each."""
    table = {"columns": columns, "rows": [[_short(value) for value in row] for row in values]}
    return {"data-rows": json.dumps(table, separators=(",", ":"), ensure_ascii=False)}


def _short(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def citation(*, key: str, title: str, path: str, backbone: str, created: str) -> Any:
    """Offer the id and link of a page, and a BibTeX entry; the browser completes the address."""
    identity = html.P(
        ["id ", html.Code(key, **_COPIED), " · link ", html.Code(_permalink(path), **_COPIED)], className="identity"
    )
    return html.Details([html.Summary("id, link, cite"), identity, _bibtex(key, title, _permalink(path), backbone, created)],
                        className="explain cite")  # fmt: skip


def reference(*, key: str, title: str, path: str) -> Any:
    """Offer the id and link of a part of a page: a concept, a strategy; a script adds an entry modelled on that of the page."""
    link = html.A(path, href=path, className="whole")
    summary = html.Summary(["id, link, cite", html.Span(f": {title}", className="sr")])
    identity = [html.P(["id ", html.Code(key, **_COPIED)]), html.P(["link ", html.Span(link, **_COPIED)])]
    return html.Details([summary, *identity], className="explain cite", **{"data-title": title})


_COPIED = {"data-copy": ""}


def _permalink(path: str) -> Any:
    return html.Span(path, className="permalink")


def _bibtex(key: str, title: str, address: Any, backbone: str, created: str) -> Any:
    """Return an entry in which everything that tells one part from another is marked."""

    def cited(part: str, content: Any) -> Any:
        return html.Span(content, **{"data-cited": part})

    lines = [
        ["@misc{concept-atlas-", cited("slug", key.replace("/", "-")), ",\n"],
        ["  title = {", cited("title", title), "},\n"],
        [f"  howpublished = {{Concept Atlas {__version__}, {backbone}}},\n  year = {{{created[:4]}}},\n"],
        ["  note = {", cited("key", key), "},\n"],
        ["  url = {", cited("address", address), "}\n}"],
    ]
    return html.Pre([part for line in lines for part in line], **{"data-bibtex": ""}, **_COPIED)
