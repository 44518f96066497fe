"""The class page: what counts, how photos are recognised, one photo, all concepts."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.components.bars import importance_panel
from atlas.components.cards import concepts_section
from atlas.components.class_header import class_header
from atlas.components.exports import citation, class_exports
from atlas.components.faithfulness import faithfulness_panel
from atlas.components.links import class_url
from atlas.components.photo import photo_panel
from atlas.components.strategies import GRAPH_PHOTOS, strategies_panel
from atlas.components.view import ClassView
from atlas.pages.album import Album
from atlas.schema import ImageNetClass
from atlas.store import Store, imagenet_classes


def layout(album: Album, wnid: str = "") -> Any:
    """Return the page of a class."""
    view = class_view(album, wnid)
    if view.photos is None or not view.concepts:
        return html.Div([class_header(view), _nothing_measured(view)], className="page", **_marks(view))
    panels = [importance_panel(view), *([strategies_panel(view)] if view.record.n_photos > 1 else []), photo_panel(view)]
    few = view.record.n_photos < GRAPH_PHOTOS
    row = html.Div(panels, className="panels few" if few else "panels")
    parts = [class_header(view), row, concepts_section(view), faithfulness_panel(view), _foot(view)]
    return html.Div(parts, className="page", **_marks(view))


def _foot(view: ClassView) -> Any:
    wnid, name = view.record.info.wnid, view.record.info.name
    cited = citation(
        key=wnid, title=f"Concepts of {name}", path=class_url(view.atlas, wnid), backbone=view.backbone, created=view.created
    )
    return html.Section([class_exports(view.atlas, wnid, photos=view.photos is not None), cited], **{"aria-label": "take away"})


def _marks(view: ClassView) -> dict[str, str]:
    return {"data-page": "class"}


def _nothing_measured(view: ClassView) -> Any:
    name, command = view.record.info.name, f"precompute build --classes {view.record.info.wnid}"
    shown = "The picture above shows what the weights of the network look for. " if view.portrait else ""
    return html.Section(
        [
            html.H2("No photos, no concepts"),
            html.P(f"This atlas was built without photos of “{name}”. {shown}What photos have in common only photos can tell."),
            html.P([html.Code(command), " with a folder of its photos fills this page."]),
        ],
        className="panel",
    )


def class_view(album: Album, wnid: str) -> ClassView:
    """Gather everything a class page shows."""
    store = album.store
    concepts = store.concepts(wnid)
    exemplars = {c.index: store.exemplars(c.concept_id) for c in concepts}
    previous, following = siblings(store, wnid)
    return ClassView(
        atlas=store.name,
        record=store.record(wnid),
        concepts=concepts,
        photos=store.photos(wnid),
        strategies=store.strategies(wnid),
        portrait=album.portrait(wnid),
        thumbnails=album.thumbnails(wnid),
        pictures={c.index: album.concept(c, exemplars[c.index]) for c in concepts},
        exemplars=exemplars,
        names=class_names(store),
        held=frozenset(store.records),
        previous=previous,
        following=following,
        photo_source=album.photo_source(wnid),
        backbone=str(store.manifest.backbone.get("name", "")),
        created=store.manifest.created,
        data_url=f"/{store.name}/photos/{wnid}.json?v={store.record(wnid).digest[:12]}",
    )


def graph_view(store: Store, wnid: str) -> ClassView:
    """Gather only what the live graph shows."""
    return ClassView(store.name, store.record(wnid), store.concepts(wnid), store.photos(wnid))


def class_names(store: Store) -> dict[str, str]:
    """Return wnid → name, of all 1000 classes; the atlas's own names win."""
    return {info.wnid: info.name for info in imagenet_classes()} | store.names


def siblings(store: Store, wnid: str) -> tuple[ImageNetClass | None, ImageNetClass | None]:
    """Return the classes before and after one, in order of class index."""
    order = list(store.records)
    here = order.index(wnid)
    before = store.records[order[here - 1]].info if here > 0 else None
    after = store.records[order[here + 1]].info if here + 1 < len(order) else None
    return before, after
