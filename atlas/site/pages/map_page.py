"""The map: every concept of an atlas in one plane. The browser draws it on a canvas; the list beside it says the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dash import html

from atlas.format import Store, imagenet_classes
from atlas.schema import SHARED
from atlas.site.components.downloads import exports
from atlas.site.context import Album
from atlas.site.formats import counted
from atlas.site.glossary import explain

COLOURS = {"group": "kind of class", "contribution": "contribution", "stability": "stability", "reliability": "reliability"}
MOST_GROUPS = 9  # as many as there are colours, less one for the shared concepts
REST = "everything else"
_SCALE = 10_000  # of the larger side of the map


def layout(album: Album) -> Any:
    """Return the map of an atlas."""
    n = album.store.places().num_rows
    return html.Div(
        [
            html.Div(
                [
                    html.H1("Map of all concepts", tabIndex="-1"),
                    html.P(
                        f"{counted(n, 'concept')} · near each other: alike in direction · the axes mean nothing",
                        className="caption",
                    ),
                ],
                className="home-head",
            ),
            html.Div([_finder(), _colours(), _views()], className="tools"),
            html.Div(
                [
                    html.Div(_plane(album, n), className="panel map-panel"),
                    html.Section(
                        [
                            html.H2("Concepts", id="chosen-title"),
                            html.P(id="chosen-status", className="caption", role="status"),
                            html.Ol(id="chosen", className="map-list"),
                        ],
                        className="panel",
                        **{"aria-labelledby": "chosen-title"},
                    ),
                ],
                className="map-parts",
            ),
            explain("contribution", "stability", "reliability", "interval of a rate", "feature visualization"),
        ],
        className="page map-page",
        **{"data-page": "map"},
    )


def _finder() -> Any:
    # A plain div: dash.html has no search input, and the field works in the browser only.
    return html.Div(id="map-find", className="map-find")


def _colours() -> Any:
    buttons = [
        html.Button(label, type="button", **{"data-map-colour": key, "aria-pressed": "true" if key == "group" else "false"})
        for key, label in COLOURS.items()
    ]
    return html.Div(buttons, className="switch", role="group", **{"aria-label": "colour by"})


def _views() -> Any:
    actions = {"in": "+", "out": "−", "reset": "whole map", "lasso": "lasso"}
    said = {"in": "zoom in", "out": "zoom out"}
    buttons = [
        html.Button(label, type="button", **{"data-map-do": key, **({"aria-label": said[key]} if key in said else {})})
        for key, label in actions.items()
    ]
    buttons[-1] = html.Button("lasso", type="button", **{"data-map-do": "lasso", "aria-pressed": "false"})
    return html.Div(buttons, className="switch", role="group", **{"aria-label": "view"})


def _plane(album: Album, n: int) -> list[Any]:
    label = f"Map of {counted(n, 'concept')}. The list beside it holds those in view, found or enclosed."
    plane = html.Div(id="map", role="img", **{"aria-label": label, "data-src": map_url(album)})
    return [plane, html.Div(id="map-legend", className="map-legend"), exports("map", "png", "csv", "json", of="#map")]


def map_url(album: Album) -> str:
    """Return where the browser finds the map, versioned by its content."""
    version = str(album.store.manifest.files.get("concepts.parquet", {}).get("sha256", ""))[:12]
    return f"/{album.store.name}/map.json?v={version}"


def map_data(album: Album) -> dict[str, Any]:
    """Return every concept for the browser, column by column, numbers as small integers."""
    store = album.store
    rows = store.places().to_pydict()
    kept = [i for i, x in enumerate(rows["map_x"]) if x is not None and rows["map_y"][i] is not None]
    ordinal = {wnid: i for i, wnid in enumerate(store.names)}
    ids = [rows["concept_id"][i] for i in kept]
    groups = class_groups(store)
    held = dict.fromkeys(groups[wnid] for wnid in store.names)
    own = [kind for kind in held if kind != REST]
    names = [*own, *([SHARED] if None in rows["wnid"] else []), *([REST] if REST in held else [])]
    aligned = {concept.concept_id: concept.aligned[0].id for concept in store.shared_concepts if concept.aligned}
    kinds = [groups.get(rows["wnid"][i] or aligned.get(one, ""), REST) for i, one in zip(kept, ids, strict=True)]
    fallback = names.index(REST if REST in names else SHARED) if SHARED in names else 0
    return {
        "base": f"/{store.name}",
        "groups": names,
        "classes": [[wnid, name, names.index(groups[wnid])] for wnid, name in store.names.items()],
        # A shared concept is of the kind of the class it is most aligned with, if that is one of those named.
        "group": [names.index(kind) if kind in own or rows["wnid"][i] else fallback for i, kind in zip(kept, kinds, strict=True)],
        "owner": [ordinal.get(rows["wnid"][i], -1) for i in kept],
        "index": [int(one.rpartition("/")[2]) for one in ids],
        **_scaled([rows["map_x"][i] for i in kept], [rows["map_y"][i] for i in kept]),
        "contribution": [_small(rows["contribution"][i], 100) for i in kept],
        "stability": [_small(rows["stability"][i], 100) for i in kept],
        "reliability": [_small(rows["reliability"][i], 100) for i in kept],
        "dominates": [rows["dominates"][i] if "dominates" in rows else None for i in kept],
        "pictured": [int(_pictured(store, one)) for one in ids],
        "placeless": len(rows["map_x"]) - len(kept),
    }


def _pictured(store: Store, concept_id: str) -> bool:
    owner, _, index = concept_id.partition("/")
    return store.picture(owner, "concept", int(index)) is not None


def _small(value: float | None, scale: int) -> int | None:
    return None if value is None else round(value * scale)


def _scaled(x: list[float], y: list[float]) -> dict[str, list[int]]:
    """Return the places as integers, the larger side of the map from 0 to 10,000."""
    if not x:
        return {"x": [], "y": []}
    side = max(max(x) - min(x), max(y) - min(y)) or 1.0
    return {
        "x": [round((value - min_x) / side * _SCALE) for min_x in [min(x)] for value in x],
        "y": [round((value - min_y) / side * _SCALE) for min_y in [min(y)] for value in y],
    }


def class_groups(store: Store) -> dict[str, str]:
    """Return the kind of every ImageNet class: its second hypernym, where that is among the most frequent of this atlas."""
    hypernyms = {wnid: () for wnid in store.names} | {info.wnid: info.hypernyms for info in imagenet_classes()}
    kinds = {wnid: (trail[1:2] or trail[:1] or (REST,))[0] for wnid, trail in hypernyms.items()}
    frequent = [kind for kind, _ in Counter(kinds[wnid] for wnid in store.names).most_common()]
    own = set(frequent if len(frequent) <= MOST_GROUPS else frequent[: MOST_GROUPS - 1])
    return {wnid: kind if kind in own else REST for wnid, kind in kinds.items()}
