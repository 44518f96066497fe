"""Everything a class consists of in a gallery: its page, the pages of its concepts, data, pictures."""

from __future__ import annotations

import re
from typing import Any

from dash import html
from dash.development.base_component import Component

from atlas.export import data_files, social_card, static_photo_panel, strategy_svg
from atlas.export.flatten import opaque, opaque_name
from atlas.export.page_writer import Site
from atlas.export.rewrite_urls import PAGE
from atlas.export.staged import Staged
from atlas.export.thumbnail import NAME, small
from atlas.schema import SHARED, Concept
from atlas.site import formats, rates
from atlas.site.class_view import ClassView
from atlas.site.components.photo_panel import SOURCES
from atlas.site.components.strategies import GRAPH_SLOT
from atlas.site.markup import markup
from atlas.site.pages import class_page, concept_page
from atlas.site.pages.class_page import class_view

_SYNTHESISED = re.compile(r"/(class|\d+)\.webp$")  # a feature visualization: it has transparency


def write_class(site: Site, wnid: str, staged: Staged) -> int:
    """Write a class; return the number of its pages."""
    view = class_view(site.album, wnid)
    copy_pictures(site, wnid, staged)
    portrait = site.portrait(wnid)
    if portrait is not None:
        staged.save(f"pictures/{wnid}/{NAME}", small(portrait))
    staged.save(f"class/{wnid}/social.jpg", social_card.card(view.record.info.name, summary(view), site.store.name, portrait))
    for name, content in data_files.class_tables(site.store, wnid).items():
        staged.save(f"data/{name}", content)
    staged.save(f"class/{wnid}/{PAGE}", _class_page(site, view, staged))
    own = [one for one in view.concepts if one.scope != SHARED]
    for one in own:
        staged.save(f"class/{wnid}/{one.index}/{PAGE}", concept_text(site, wnid, one))
    return 1 + len(own)


def write_shared(site: Site, staged: Staged) -> int:
    """Write the pages of the shared concepts; return their number."""
    copy_pictures(site, SHARED, staged)
    for one in site.store.shared_concepts:
        staged.save(f"shared/{one.index}/{PAGE}", concept_text(site, None, one))
    return len(site.store.shared_concepts)


def _class_page(site: Site, view: ClassView, staged: Staged) -> str:
    wnid, data = view.record.info.wnid, ""
    layout, live = class_page.layout(site.album, wnid), markup(GRAPH_SLOT)
    if view.photos is not None:
        data = f"data/{wnid}.js"
        photos = data_files.browser_photos(view, site.addresses, "../../")
        staged.save(data, data_files.script(wnid, photos))
        if photos["heat"]:
            staged.save(f"data/{wnid}-heat.js", data_files.heat_script(view.photos))
        _fill(layout, view, photos)
        live = markup(html.Div(strategy_svg.drawing(view, photos["predicted"]), id="strategy-graph"))
    return site.page(
        f"class/{wnid}/{PAGE}",
        markup(layout).replace(markup(GRAPH_SLOT), live),
        title=view.record.info.name,
        description=f"{summary(view)}. {view.record.info.definition}".rstrip(". ") + ".",
        picture=f"class/{wnid}/social.jpg",
        data=data,
    )


def _fill(layout: Any, view: ClassView, photos: dict[str, Any]) -> None:
    """Fill in what the app leaves to scripts: a photo, and the list of all."""
    places = _named(layout)
    if "photo-body" in places:
        shown = photos | {"sprite": photos["sprite"] and photos["sprite"] | {"url": view.thumbnails and view.thumbnails.url}}
        places["photo-body"].children = static_photo_panel.photo(shown, SOURCES[view.photo_source])
        if "photo-list" in places:
            places["photo-list"].children = static_photo_panel.photo_list(shown)


def _named(layout: Component) -> dict[str, Component]:
    """Return the parts of a page that have an id (Dash can look for one, but takes a tenth of the time of a page for it)."""
    found, waiting = {}, [layout]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting.extend(part)
        elif isinstance(part, Component):
            if name := getattr(part, "id", None):
                found[name] = part
            waiting.append(getattr(part, "children", None))
    return found


def summary(view: ClassView) -> str:
    """Say in a line what the page shows."""
    record = view.record
    if record.coverage == "none":
        return "Weights only: no photos of this class were read"
    found = [formats.counted(record.n_photos, "photo"), formats.counted(len(view.concepts), "concept")]
    if (said := rates.right(record)) != formats.UNKNOWN:
        found.insert(1, said)
    if record.unexplained is not None:
        found.append(formats.not_explained(record))
    if view.strategies:
        found.append(formats.counted(len(view.strategies), "strategy"))
    return " · ".join(found)


def concept_text(site: Site, wnid: str | None, one: Concept) -> str:
    """Return the page of a concept of a class, or of a shared one."""
    name = formats.concept_name(one)
    title = f"{site.store.record(wnid).info.name} · {name}" if wnid else name
    path = f"class/{wnid}/{one.index}/{PAGE}" if wnid else f"shared/{one.index}/{PAGE}"
    return site.page(
        path,
        markup(concept_page.layout(site.album, wnid, one.index)),
        title=title,
        description=f"{title}: what it looks for, where it is seen, what it counts.",
        picture=f"class/{wnid}/social.jpg" if wnid else "",
    )


def copy_pictures(site: Site, owner: str, staged: Staged) -> None:
    """Copy the pictures of a class, or of the shared concepts; feature visualizations get a twin without transparency."""
    for name in site.pictures.get(owner, ()):
        picture = site.store.picture_bytes(name)
        staged.save(name, picture)
        if _SYNTHESISED.search(name):
            staged.save(opaque_name(name), opaque(picture))
