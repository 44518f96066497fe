"""Where a class leads on to: those the network explains alike or, without photos, those of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dash import html

from atlas.site import formats
from atlas.site.class_view import Picture
from atlas.site.components.downloads import exports, rows
from atlas.site.components.image import image
from atlas.site.glossary import explain
from atlas.site.urls import class_url


@dataclass(frozen=True, slots=True)
class NearClass:
    """Another class, and how near it is."""

    wnid: str
    name: str
    portrait: Picture | None = None
    cosine: float | None = None  # between the alignment profiles; None: of the same kind in WordNet


def nearest_section(atlas: str, near: Sequence[NearClass]) -> Any:
    """Show the nearest classes as pictures; None where there are none."""
    if not near:
        return None
    numbers = rows(["wnid", "class", "cosine"], [(one.wnid, one.name, one.cosine) for one in near])
    measured = near[0].cosine is not None
    alike = "nearest by what their weights look for, in one shared vocabulary"
    said = alike if measured else "classes of the same kind, by WordNet"
    return html.Section(
        [
            html.Div([html.H2("Nearest classes", id="nearest-title"), html.P(said)], className="section-head"),
            html.Ul([html.Li(_class(atlas, one)) for one in near], className="nearest", id="nearest", **numbers),
            exports("nearest-classes", "csv", "json", of="#nearest"),
            explain("nearest classes") if measured else None,
        ],
        className="near",
        **{"aria-labelledby": "nearest-title"},
    )


def _class(atlas: str, one: NearClass) -> Any:
    picture = image(one.portrait, "", kind="synthesised") if one.portrait else html.Span("no picture", className="absent")
    number = html.Small(f"cosine {formats.plain(one.cosine)}") if one.cosine is not None else None
    return html.A([html.Span(picture, className="visualization"), html.Span(one.name), number], href=class_url(atlas, one.wnid))
