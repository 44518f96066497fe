"""From an address to what stands in ``<main>``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlas.schema import AtlasError
from atlas.site.components.strategies import graph
from atlas.site.context import Album
from atlas.site.pages import class_page, concept_page, home, map_page, method_page
from atlas.site.routes import Address, resolve


def page(address: Address, albums: Mapping[str, Album]) -> Any:
    """Return the page that an address means."""
    album = albums[address.store.name]
    match address.kind:
        case "home":
            return home.layout(album)
        case "map":
            return map_page.layout(album)
        case "method":
            return method_page.layout(album)
        case "class":
            return class_page.layout(album, address.wnid or "")
        case "concept":
            return concept_page.layout(album, address.wnid, address.index or 0)


def live_graph(path: str, albums: Mapping[str, Album]) -> Any:
    """Return the graph that belongs into the page at a path; None if it has none."""
    try:
        address = resolve(path, {name: album.store for name, album in albums.items()})
    except AtlasError:
        return None
    if address.kind != "class" or not address.wnid:
        return None
    store, wnid = address.store, address.wnid
    colours = {concept.index: concept.colour for concept in store.concepts(wnid)}
    return graph(store.layout(wnid), colours, store.record(wnid).digest)
