"""From an address to what stands in ``<main>``: never a blank page."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from dash import dcc, html

from atlas.components.links import home_url
from atlas.pages import class_page, concept, home, method
from atlas.pages.addresses import Address, resolve
from atlas.pages.album import Album
from atlas.schema import AtlasError

_log = logging.getLogger("atlas")


def render(path: str, albums: Mapping[str, Album]) -> Any:
    """Return the page at a path, or a page that says why there is none."""
    try:
        return page(resolve(path, {name: album.store for name, album in albums.items()}), albums)
    except AtlasError as error:
        return sorry("This page cannot be shown", str(error), albums)
    except Exception:
        _log.exception("the page %s could not be drawn", path)
        return sorry("This page cannot be shown", "Something in it is broken; the server's log says what.", albums)


def page(address: Address, albums: Mapping[str, Album]) -> Any:
    """Return the page that an address means."""
    album = albums[address.store.name]
    match address.kind:
        case "home":
            return home.layout(album)
        case "method":
            return method.layout(album)
        case "class":
            return class_page.layout(album, address.wnid or "")
        case "concept":
            return concept.layout(album, address.wnid, address.index or 0)


def sorry(title: str, explanation: str, albums: Mapping[str, Album]) -> Any:
    """Return a page that explains, and leads back."""
    back = html.P(dcc.Link("All classes", href=home_url(next(iter(albums)))))
    return html.Div(
        [html.H1(title, tabIndex="-1"), html.P(explanation), back],
        className="message",
        **{"data-page": "message", "data-title": f"{title} · Concept Atlas"},
    )
