"""A class without photos: what its weights alone tell, and what would be needed for more."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.components import formats
from atlas.components.explain import explain
from atlas.components.exports import exports, rows
from atlas.components.links import class_link, concept_url, joined
from atlas.components.pictures import image
from atlas.components.view import AlignedConcept, ClassView

_SAID_OF = 3  # other classes that are named


def weights_only(view: ClassView) -> list[Any]:
    """Return the parts of the page of a class that no photo was read of."""
    return [part for part in (_aligned(view), _missing(view)) if part is not None]


def _aligned(view: ClassView) -> Any:
    if not view.aligned:
        return None
    numbers = rows(["concept", "cosine"], [(one.concept.concept_id, one.cosine) for one in view.aligned])
    return html.Section(
        [
            html.Div(
                [
                    html.H2(f"{formats.counted(len(view.aligned), 'shared concept')} its weights point at", id="aligned-title"),
                    html.P("by cosine of the concept with the weights of this class; how much they count, only photos can tell"),
                ],
                className="section-head",
            ),
            html.Ul([html.Li(_concept(one, view)) for one in view.aligned], className="aligned", id="aligned", **numbers),
            exports("aligned-concepts", "csv", "json", of="#aligned"),
            explain("aligned classes", "feature visualization"),
        ],
        className="concepts",
        **{"aria-labelledby": "aligned-title"},
    )


def _concept(one: AlignedConcept, view: ClassView) -> Any:
    picture = image(one.picture, "", kind="synthesised") if one.picture else html.Span("no picture", className="absent")
    name = formats.concept_name(one.concept)
    others = [n.id for n in one.concept.aligned if n.id != view.record.info.wnid][:_SAID_OF]
    links = [class_link(view.atlas, wnid, names=view.names, held=view.held) for wnid in others]
    return [
        html.A(
            [html.Span(picture, className="visualization"), html.Span(name), html.Small(f"cosine {one.cosine:.2f}")],
            href=concept_url(view.atlas, one.concept),
        ),
        html.P(["also in ", *joined(links)], className="relations") if links else None,
    ]


def _missing(view: ClassView) -> Any:
    name, command = view.record.info.name, f"precompute build --classes {view.record.info.wnid}"
    shown = "The picture above shows what the weights of the network look for. " if view.portrait else ""
    return html.Section(
        [
            html.H2("No photos, no strategies"),
            html.P(f"This atlas was built without photos of “{name}”. {shown}What photos have in common only photos can tell."),
            html.P([html.Code(command), " with a folder of its photos fills this page."]),
        ],
        className="panel",
    )
