"""A class in concepts that all classes share: what its weights point at and, where photos tell, how much that counts."""

from __future__ import annotations

from typing import Any

from dash import html

from atlas.site import formats
from atlas.site.class_view import AlignedConcept, ClassView
from atlas.site.components.downloads import exports, rows
from atlas.site.components.image import image
from atlas.site.glossary import explain
from atlas.site.urls import class_link, concept_url, joined

_SAID_OF = 3  # other classes that are named


def shared_section(view: ClassView) -> Any:
    """Show the shared concepts of a class; None where there are none."""
    if not view.aligned:
        return None
    numbers = rows(
        ["concept_id", "cosine", "contribution"], [(one.concept.concept_id, one.cosine, one.contribution) for one in view.aligned]
    )
    title, said = _said(view)
    return html.Section(
        [
            html.Div([html.H2(title, id="aligned-title"), html.P(said)], className="section-head"),
            html.Ul([html.Li(_concept(one, view)) for one in view.aligned], className="aligned", id="aligned", **numbers),
            exports("shared-concepts", "csv", "json", of="#aligned"),
            explain("aligned classes", "feature visualization"),
        ],
        className="concepts",
        **{"aria-labelledby": "aligned-title"},
    )


def _said(view: ClassView) -> tuple[str, str]:
    record = view.record
    if record.scope == "class":
        own = f"{record.info.name}’s own {len(view.concepts)}, {formats.explained(record)}; {formats.not_explained(record)}"
        return (
            "Seen through concepts shared by all classes",
            f"photo by photo they explain {formats.percent(record.explained_shared)} of the answer; {own}",
        )
    how_much = "photos" if record.coverage == "none" else "more photos"
    return (
        f"{formats.counted(len(view.aligned), 'shared concept')} its weights point at",
        f"by cosine with the weights of this class, without any photo; how much they count, only {how_much} can tell",
    )


def _concept(one: AlignedConcept, view: ClassView) -> Any:
    picture = image(one.picture, "", kind="synthesised") if one.picture else html.Span("no picture", className="absent")
    name = formats.concept_name(one.concept)
    others = [n.id for n in one.concept.aligned if n.id != view.record.info.wnid][:_SAID_OF]
    links = [class_link(view.atlas, wnid, names=view.names, held=view.held) for wnid in others]
    counts = [html.Small(f"{formats.signed(one.contribution)} logits")] if one.contribution is not None else []
    known = [html.Small(f"cosine {formats.plain(one.cosine)}")] if one.cosine is not None else []
    return [
        html.A(
            [html.Span(picture, className="visualization"), html.Span(name), *counts, *known],
            href=concept_url(view.atlas, one.concept),
        ),
        html.P(["also speaks for: ", *joined(links)], className="relations") if links else None,
    ]
