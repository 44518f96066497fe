"""The class page: what counts, how photos are recognised, one photo, all concepts."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from dash import html

from atlas.format import Store, imagenet_classes
from atlas.schema import SHARED, ClassRecord, ImageNetClass
from atlas.site.class_view import AlignedConcept, ClassView
from atlas.site.components.class_header import class_header
from atlas.site.components.concept_cards import concepts_section
from atlas.site.components.downloads import citation
from atlas.site.components.faithfulness import faithfulness_panel
from atlas.site.components.importance_bars import importance_panel
from atlas.site.components.nearest_classes import NearClass, nearest_section
from atlas.site.components.photo_panel import DIGITS, photo_panel
from atlas.site.components.shared_concepts import shared_section
from atlas.site.components.strategies import GRAPH_PHOTOS, strategies_panel
from atlas.site.components.weights_only import weights_only
from atlas.site.context import Album
from atlas.site.urls import class_url

MOST_ALIGNED = 12  # shared concepts of a class without photos
FEW_ALIGNED = 6  # of one that has other things to show


def layout(album: Album, wnid: str = "") -> Any:
    """Return the page of a class."""
    view = class_view(album, wnid)
    if view.photos is None or not view.concepts:
        parts = [class_header(view), *weights_only(view), nearest_section(album.store.name, nearest(album, wnid)), _foot(view)]
        return html.Div(parts, className="page", **_marks(view))
    panels = [importance_panel(view), *([strategies_panel(view)] if view.record.n_photos > 1 else []), photo_panel(view)]
    few = view.record.n_photos < GRAPH_PHOTOS
    row = html.Div(panels, className="panels few" if few else "panels")
    near = nearest_section(album.store.name, nearest(album, wnid))
    parts = [class_header(view), row, concepts_section(view), faithfulness_panel(view), shared_section(view), near, _foot(view)]
    return html.Div(parts, className="page", **_marks(view))


def _foot(view: ClassView) -> Any:
    wnid, name = view.record.info.wnid, view.record.info.name
    cited = citation(
        key=wnid, title=f"Concepts of {name}", path=class_url(view.atlas, wnid), backbone=view.backbone, created=view.created
    )
    return html.Section(cited, **{"aria-label": "cite this page"})


def _marks(view: ClassView) -> dict[str, str]:
    return {"data-page": "class"}


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
        aligned=aligned_with(album, wnid, most=FEW_ALIGNED if concepts else MOST_ALIGNED),
        names=class_names(store),
        class_names=names_by_index(store),
        held=frozenset(store.records),
        shared=len(store.shared_concepts),
        previous=previous,
        following=following,
        photo_source=album.photo_source(wnid),
        backbone=str(store.manifest.backbone.get("name", "")),
        created=store.manifest.created,
        data_url=f"/{store.name}/photos/{wnid}.json?v={store.record(wnid).digest[:DIGITS]}",
    )


def aligned_with(album: Album, wnid: str, *, most: int) -> tuple[AlignedConcept, ...]:
    """Return the shared concepts that the page of a class shows beside those it is explained with."""
    store, record = album.store, album.store.record(wnid)
    counts = {e.index: e.contribution for e in record.evidence} if record.scope == "class" else {}
    cosines = dict(enumerate(record.alignment))
    return tuple(
        AlignedConcept(
            store.shared_concepts[i], cosines.get(i), album.picture(store.picture(SHARED, "concept", i)), counts.get(i)
        )
        for i in shown_beside(record)[:most]
    )


def shown_beside(record: ClassRecord) -> list[int]:
    """Return shared concepts by index.

    Where photos were explained in concepts of the class's own, those that count most for them; else those the weights of the
    class point at, the nearest first.
    """
    if record.scope == "class" and record.evidence:
        return [e.index for e in record.evidence]
    return sorted((i for i, cosine in enumerate(record.alignment) if cosine > 0), key=lambda i: -record.alignment[i])


def nearest(album: Album, wnid: str) -> list[NearClass]:
    """Return the classes whose weights look for the same; where none is known, those of the same kind in WordNet."""
    store, record = album.store, album.store.record(wnid)
    known = [(n.id, n.cosine) for n in record.nearest_classes if n.id in store.records]
    near: list[tuple[str, float | None]] = [*known] or [(other, None) for other in relatives(store, wnid)]
    return [NearClass(other, store.names[other], album.portrait(other), cosine) for other, cosine in near]


def relatives(store: Store, wnid: str, most: int = 8) -> list[str]:
    """Return the classes of an atlas below the nearest group of WordNet that holds another one of them."""
    paths = {info.wnid: info.hypernyms for info in imagenet_classes() if info.wnid in store.records}
    path = paths.get(wnid, ())
    for depth in range(len(path), 0, -1):
        if found := [other for other, theirs in paths.items() if other != wnid and theirs[:depth] == path[:depth]]:
            return found[:most]
    return []


_named: WeakKeyDictionary[Store, dict[str, str]] = WeakKeyDictionary()  # no store is held longer than it is shown


def class_names(store: Store) -> dict[str, str]:
    """Return wnid → name, of all 1000 classes; the atlas's own names win."""
    known = _named.get(store)
    if known is None:
        known = _named[store] = {info.wnid: info.name for info in imagenet_classes()} | store.names
    return known


def names_by_index(store: Store) -> tuple[str, ...]:
    """Return the names of the 1000 classes, by class index."""
    names = class_names(store)
    return tuple(names[info.wnid] for info in imagenet_classes())


def siblings(store: Store, wnid: str) -> tuple[ImageNetClass | None, ImageNetClass | None]:
    """Return the classes before and after one, in order of class index."""
    order = list(store.records)
    here = order.index(wnid)
    before = store.records[order[here - 1]].info if here > 0 else None
    after = store.records[order[here + 1]].info if here + 1 < len(order) else None
    return before, after
