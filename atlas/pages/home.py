"""The front page: every class as a card. The browser draws and filters the cards from one small file."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.components.formats import counted, recognised
from atlas.components.links import class_url
from atlas.pages.album import Album
from atlas.schema import FULL_COVERAGE_PHOTOS, ClassRecord
from atlas.store import imagenet_classes


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
                ],
                className="tools",
            ),
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
    records, strategies = album.store.records, album.store.strategy_counts()
    return {
        "classes": [_entry(album, record, strategies.get(wnid, 0)) for wnid, record in records.items()],
        "elsewhere": [[info.wnid, info.name, " ".join(info.synonyms)] for info in imagenet_classes() if info.wnid not in records],
    }


def _entry(album: Album, record: ClassRecord, strategies: int) -> dict[str, Any]:
    info, portrait = record.info, album.store.picture(record.info.wnid, "class")
    return {
        "wnid": info.wnid,
        "name": info.name,
        "also": ", ".join(info.synonyms),
        "kind": info.hypernyms[-1] if info.hypernyms else "",
        "trail": " ".join(info.hypernyms),
        "url": class_url(album.store.name, info.wnid),
        "picture": album.url(portrait) if portrait else None,
        "coverage": record.coverage,
        "badge": "weights only" if record.coverage == "none" else coverage_text(record),
        "recognised": recognised(record) if record.coverage != "none" else "",
        "accuracy": record.accuracy if record.coverage == "full" else None,
        "photos": record.n_photos,
        "strategies": strategies if record.n_photos else 0,
    }


def coverage_text(record: ClassRecord) -> str:
    """Say what a class rests on: "1 sample photo", "300 photos"."""
    noun = "sample photo" if record.n_photos < FULL_COVERAGE_PHOTOS else "photo"
    return counted(record.n_photos, noun)
