"""The method page: how to read the screens, what was computed, and from what."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.components.explain import GLOSSARY
from atlas.pages.album import Album
from atlas.schema import Manifest

_STEPS = (
    ("Activations", "The network is cut at its last feature map. A, a row a patch, is what it says about each place of a photo."),
    ("Concepts", "A dictionary writes every row as a mixture of a few directions: A ≈ U V, with codes U and atoms V."),
    (
        "Contributions",
        "The head is affine after the mean over places, so the logit of a class splits exactly: logit = bias + Σ contributions + "
        "residual. Contribution of concept i = mean code of i × (atom i · class weights).",
    ),
    ("Strategies", "Photos with like contributions are recognised for the same reasons. Their clusters are the strategies."),
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
                    html.Section([html.H2("From photos to strategies"), *steps], className="panel prose"),
                    html.Section([html.H2("Words"), html.Dl(words, className="glossary")], className="panel prose"),
                ],
                className="halves",
            ),
            html.Section([html.H2("This atlas"), *_provenance(manifest)], className="panel prose"),
        ],
        className="page",
        **{"data-page": "method"},
    )


def _provenance(manifest: Manifest) -> list[Any]:
    said = {
        "created": manifest.created,
        "format": manifest.format_version,
        **{f"backbone {key}": value for key, value in manifest.backbone.items()},
        **{f"config {key}": value for key, value in manifest.config.items()},
        **manifest.libraries,
    }
    rows = [html.Tr([html.Th(str(key), scope="row"), html.Td(str(value))]) for key, value in said.items()]
    sets = [html.Li(f"{s.name}: {s.n_photos} photos, licence: {s.licence}, by: {s.attribution}") for s in manifest.photo_sets]
    table = html.Div(html.Table(html.Tbody(rows)), className="scroll", tabIndex="0", role="region", **{"aria-label": "manifest"})
    return [html.H3("Photos"), html.Ul(sets), html.H3("Settings and versions"), table]
