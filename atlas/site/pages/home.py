"""The front page: every class as a card. The browser draws and filters the cards from one small file."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from dash import html

from atlas.format import Store, imagenet_classes
from atlas.schema import SHARED, ClassRecord
from atlas.site import formats, rates
from atlas.site.components.downloads import exports
from atlas.site.context import Album
from atlas.site.formats import counted, rests_on
from atlas.site.rates import Rate
from atlas.site.urls import class_url

SAID_OF_A_CONCEPT = 3  # classes that stand for a shared concept in a search


def layout(album: Album) -> Any:
    """Return the front page of an atlas."""
    store = album.store
    backbone = store.manifest.backbone
    n_photos = store.photo_count()
    subtitle = (
        f"{len(store.records)} {'class' if len(store.records) == 1 else 'classes'} of {backbone.get('name', 'a network')} · "
        f"{_layer(backbone.get('layer'))} · {counted(n_photos, 'photo')}"
    )
    return html.Div(
        [
            html.Div(
                [html.H1("Why does the network say so?", tabIndex="-1"), html.P(subtitle, className="caption")],
                className="home-head",
            ),
            html.Div(
                [
                    html.Div(id="sort", className="switch", role="group", **{"aria-label": "sort by"}),
                    html.Div(id="filter", className="switch", role="group", **{"aria-label": "show"}),
                    html.Button("Surprise me", type="button", id="surprise", className="quiet"),
                    exports("classes", "csv", "json"),
                ],
                className="tools",
            ),
            html.Nav(id="groups", className="groups", hidden=True, **{"aria-label": "kinds of classes"}),
            html.P(id="found", className="caption", role="status"),
            html.Div(id="classes", className="class-grid", **{"data-src": classes_url(album)}),
            html.Div(id="elsewhere", className="elsewhere"),
        ],
        className="page",
        **{"data-page": "home"},
    )


def _layer(name: str | None) -> str:
    """Say where the network is cut."""
    return "last feature map" if name in (None, "auto", "last feature map") else f"layer {name}"


def classes_url(album: Album) -> str:
    """Return where the browser finds the list of classes, versioned by its content."""
    files = album.store.manifest.files
    version = str(files.get("classes.parquet", {}).get("sha256", ""))[:12]
    return f"/{album.store.name}/classes.json?v={version}"


def classes_data(album: Album) -> dict[str, Any]:
    """Return what the front page knows of every class, and the names of those the atlas lacks."""
    store = album.store
    records, strategies, own = store.records, store.strategy_counts(), store.concept_counts()
    return {
        "base": f"/{quote(store.name)}",
        "drawn": _drawn(store, SHARED, len(store.shared_concepts)),
        "classes": [_entry(album, record, strategies.get(wnid, 0), own.get(wnid, 0)) for wnid, record in records.items()],
        "shared": [[n.id for n in concept.aligned[:SAID_OF_A_CONCEPT]] for concept in store.shared_concepts],
        "elsewhere": [[info.wnid, info.name, " ".join(info.synonyms)] for info in imagenet_classes() if info.wnid not in records],
    }


def _entry(album: Album, record: ClassRecord, strategies: int, concepts: int) -> dict[str, Any]:
    info, portrait = record.info, album.store.picture(record.info.wnid, "class")
    return {
        "wnid": info.wnid,
        "index": info.class_index,
        "name": info.name,
        "also": ", ".join(info.synonyms),
        "path": "/".join(info.hypernyms),
        "url": class_url(album.store.name, info.wnid),
        "picture": album.url(portrait) if portrait else None,
        "coverage": record.coverage,
        "badge": rests_on(record),
        "right": said if (said := rates.right(record)) != formats.UNKNOWN else "",
        "right_interval": rates.right_interval(record) if record.n_photos > 1 else "",
        "accuracy_holdout": _rated(rates.unseen(record)),  # value and the ends of its interval
        "accuracy_fit": _rated(rates.seen(record)),
        "unexplained": record.unexplained and round(record.unexplained, 4),
        "photos": record.n_photos,
        "holdout": record.n_holdout,
        "strategies": strategies if record.n_photos else 0,
        "concepts": concepts,  # of its own dictionary; they are numbered from 0
        "drawn": _drawn(album.store, info.wnid, concepts),
    }


def _rated(known: Rate | None) -> list[float] | None:
    return [round(value, 4) for value in (known.value, *known.interval)] if known is not None else None


def _drawn(store: Store, owner: str, concepts: int) -> int:
    """Tell whether every concept of a dictionary has its picture."""
    return int(concepts > 0 and all(store.picture(owner, "concept", i) for i in range(concepts)))
