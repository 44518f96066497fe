"""The method page: how to read the screens, what was computed, and from what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import html

from atlas.schema import Manifest
from atlas.site.components.downloads import CHART, citation, exports, rows
from atlas.site.context import Album
from atlas.site.glossary import GLOSSARY
from atlas.site.urls import home_url

_STEPS = (
    ("Activations", "The network is cut at its last feature map. Each row of A describes one patch of a photo."),
    ("Concepts", "A dictionary writes every row as a mixture of a few directions: A ≈ U V, with codes U and atoms V."),
    (
        "Contributions",
        "The logit of a class is split into bias + Σ contributions + what is not explained. Shares are parts of the logit less "
        "the bias, so that they and what is not explained make 100 %. Where the head is affine after the mean over "
        "places, the split is exact: contribution of concept i = mean code of i × (atom i · class weights).",
    ),
    (
        "Strategies",
        "Every photo belongs to the concept that leads it. Photos with like contributions may form groups besides: strategies. A "
        "group is shown only if it comes back when photos are resampled, and if the class has more groups than photos drawn from "
        "one cloud of the same mean and spread would give. Held-out photos are placed afterwards and judged apart.",
    ),
    (
        "Pictures",
        "A feature visualization is optimised from noise to excite one direction; only its phases are free, its spectrum is "
        "that of natural photos. It is transparent where the network did not look.",
    ),
)


def layout(album: Album) -> Any:
    """Return the method page of an atlas."""
    manifest = album.store.manifest
    steps = [part for title, text in _STEPS for part in (html.H3(title), html.P(text))]
    words = [part for term, text in GLOSSARY.items() for part in (html.Dt(term), html.Dd(text))]
    return html.Div(
        [
            html.Div([html.H1("How to read this atlas", tabIndex="-1")], className="words"),
            html.Div(
                [
                    html.Div(
                        [
                            html.Section([html.H2("From photos to strategies"), *steps], className="panel prose"),
                            _theorem(),
                            html.Section([html.H2("This atlas"), *_provenance(manifest), _cited(album)], className="panel prose"),
                        ],
                        className="stack",
                    ),
                    html.Section([html.H2("Words"), html.Dl(words, className="glossary")], className="panel prose"),
                ],
                className="halves",
            ),
        ],
        className="page",
        **{"data-page": "method"},
    )


def _theorem() -> Any:
    """Leave room for the live theorem; the browser computes it."""
    return html.Section(
        [
            html.H2("Why contributions: drag them"),
            html.P(
                "With a head that is affine in the codes, ranking concepts by contribution is optimal: no other order loses the "
                "logit faster as concepts are taken away (C-Deletion), or gains it faster as they are put in (C-Insertion). "
                "Gradient × Input, Integrated Gradients and Occlusion find the same order. Estimators that ignore the codes, or "
                "the sign, do not: make a contribution negative and watch Sobol."
            ),
            html.Div(html.P("The demonstration needs JavaScript.", className="caption"), id="theorem"),
            exports("theorem", *CHART, of="#theorem"),
        ],
        className="panel prose",
    )


def _provenance(manifest: Manifest) -> list[Any]:
    said = {
        "created": manifest.created,
        "format": manifest.format_version,
        **_flat("backbone", manifest.backbone),
        **_flat("config", manifest.config),
        **manifest.libraries,
    }
    lines = [html.Tr([html.Th(str(key), scope="row"), html.Td(str(value))]) for key, value in said.items()]
    sets = [html.Li(f"{s.name}: {s.n_photos} photos, licence: {s.licence}, by: {s.attribution}") for s in manifest.photo_sets]
    table = html.Div(
        html.Table(html.Tbody(lines), id="manifest", **rows(["key", "value"], ((k, str(v)) for k, v in said.items()))),
        className="scroll",
        tabIndex="0",
        role="region",
        **{"aria-label": "manifest"},
    )
    return [
        html.H3("Photos"),
        html.Ul(sets),
        html.H3("Settings and versions"),
        table,
        exports("manifest", "csv", "json", of="#manifest"),
    ]


def _flat(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values under one level of names."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        said = f"{name} {key.replace('_', ' ')}"
        found |= _flat(said, value) if isinstance(value, Mapping) else {said: value}
    return found


def _cited(album: Album) -> Any:
    manifest, name = album.store.manifest, album.store.name
    backbone = str(manifest.backbone.get("name", ""))
    return citation(key=name, title=f"The atlas {name}", path=home_url(name), backbone=backbone, created=manifest.created)
